// SPDX-License-Identifier: Apache-2.0
// Embeddings of models that generate.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <numeric>

#include "base/deadline.h"
#include "engine/gguf/file.h"
#include "engine/testing/collector.h"
#include "engine/testing/tiny_model.h"

namespace plinth::engine {
namespace {

using testing::Collector;
using testing::TinyModel;

std::unique_ptr<Engine> load(const TinyModel& model = {}, EngineOptions options = {}) {
  if (options.threads == 0) options.threads = 1;
  auto engine = testing::load_bytes(testing::tiny_model_bytes(model), options);
  EXPECT_TRUE(engine.is_ok()) << engine.error().message;
  return std::move(*engine);
}

std::vector<Token> text_of(size_t length, Token first) {
  std::vector<Token> tokens(length);
  for (size_t i = 0; i < length; ++i) tokens[i] = (first + static_cast<Token>(7 * i)) % 256;
  return tokens;
}

// Logits are the product of the output, here the embeddings' matrix, with a row's hidden values: so
// the same product with a text's embedding is the mean of the logits of all its positions.
TEST(Embed, is_the_mean_of_the_hidden_values_of_every_position) {
  const TinyModel model;
  const std::string path = testing::write_temporary_file(testing::tiny_model_bytes(model));
  EngineOptions options;
  options.path = path;
  options.precision = Precision::exact;
  options.threads = 1;
  const auto engine = Engine::load(options).value();
  const auto file = gguf::File::open(path).value();
  std::filesystem::remove(path);
  EXPECT_FALSE(engine->is_embedder());
  const gguf::Tensor* output = file->contents().find_tensor("token_embd.weight");
  ASSERT_NE(output, nullptr);
  std::vector<float> weights(output->values);
  std::memcpy(weights.data(), file->data(*output), weights.size() * sizeof(float));

  const std::vector<Token> text = text_of(100, 5);
  const auto vector = engine->embed(text).value();
  ASSERT_EQ(vector.size(), static_cast<size_t>(model.width));
  std::vector<int64_t> positions(text.size());
  std::iota(positions.begin(), positions.end(), 0);
  const auto logits = engine->logits(text, positions).value();
  for (size_t token = 0; token < logits[0].size(); token += 17) {
    double mean = 0;
    for (const auto& row : logits) mean += static_cast<double>(row[token]);
    mean /= static_cast<double>(logits.size());
    const float* row = weights.data() + token * vector.size();
    const double product = std::inner_product(vector.begin(), vector.end(), row, 0.0);
    EXPECT_NEAR(product, mean, 1e-4) << token;
  }
}

TEST(Embed, gives_the_same_bits_alone_in_any_batch_and_beside_what_is_generated) {
  TinyModel model;
  model.context = 1024;
  for (const int64_t window : {0, 40}) {
    SCOPED_TRACE(window);
    model.window = window;
    const auto alone = load(model);
    EngineOptions options;
    options.threads = 3;
    options.sequences_max = 4;
    const auto engine = load(model, options);
    std::vector<std::vector<Token>> texts;
    for (size_t i = 0; i < 40; ++i) texts.push_back(text_of(1 + 23 * i, static_cast<Token>(i)));
    std::vector<Collector> others(3);
    for (size_t i = 0; i < others.size(); ++i) {
      GenerateRequest request;
      request.prompt = text_of(30, static_cast<Token>(i));
      request.max_tokens = 200;
      request.sampling.temperature = 0;
      request.is_end_honoured = false;
      others[i].submit(*engine, request);
    }
    const auto vectors = engine->embed(texts, Cancellation());
    ASSERT_TRUE(vectors.is_ok()) << vectors.error().message;
    ASSERT_EQ(vectors->size(), texts.size());
    for (size_t i = 0; i < texts.size(); i += 13) {
      EXPECT_EQ((*vectors)[i], alone->embed(texts[i]).value()) << i;
    }
    for (Collector& other : others) EXPECT_EQ(other.wait().completion_tokens, 200);
    EXPECT_EQ(engine->load().kv_tokens_used, 0);
  }
}

TEST(Embed, leaves_what_is_generated_as_it_was) {
  const auto engine = load();
  GenerateRequest request;
  request.prompt = text_of(20, 3);
  request.max_tokens = 30;
  request.sampling.temperature = 0;
  Collector before;
  before.submit(*engine, request);
  const std::vector<Token> expected = before.wait().tokens;
  ASSERT_TRUE(engine->embed(text_of(20, 3)).is_ok());
  Collector after;
  after.submit(*engine, request);
  EXPECT_EQ(after.wait().tokens, expected);
}

TEST(Embed, refuses_texts_it_cannot_take_and_names_them) {
  const auto engine = load();
  const auto error = [&](const std::vector<std::vector<Token>>& texts) {
    return engine->embed(texts, Cancellation()).error();
  };
  EXPECT_EQ(error({}).code, ErrorCode::invalid_argument);
  EXPECT_EQ(error({{}}).code, ErrorCode::invalid_argument);
  EXPECT_EQ(error({{-1}}).code, ErrorCode::invalid_argument);
  EXPECT_EQ(error({{1}, {100000}}).param, "tokens[1]");
  EXPECT_EQ(error({text_of(257, 1)}).code, ErrorCode::context_length_exceeded);
  EXPECT_TRUE(engine->embed(text_of(256, 1)).is_ok());
}

TEST(Embed, ends_when_it_is_cancelled) {
  const auto engine = load();
  Cancellation cancellation;
  cancellation.cancel();
  const auto vectors = engine->embed({text_of(20, 3)}, cancellation);
  EXPECT_EQ(vectors.error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace plinth::engine
