// SPDX-License-Identifier: Apache-2.0
// Files that are made load and run; files that are encoded anew mean almost the same.
#include "engine/convert.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "engine/convert/mixes.h"
#include "engine/convert/shapes.h"
#include "engine/engine.h"
#include "engine/gguf/file.h"
#include "engine/testing/collector.h"
#include "engine/testing/gguf_writer.h"
#include "engine/testing/shared_files.h"
#include "engine/testing/tiny_model.h"

namespace plinth::engine {
namespace {

// A path that nothing stands at, removed again at the end.
class TemporaryPath {
 public:
  TemporaryPath() : path_(testing::write_temporary_file("")) { std::filesystem::remove(path_); }
  ~TemporaryPath() { std::filesystem::remove(path_); }
  TemporaryPath(const TemporaryPath&) = delete;
  TemporaryPath& operator=(const TemporaryPath&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Result<std::unique_ptr<Engine>> load(const std::string& path) {
  EngineOptions options;
  options.path = path;
  return Engine::load(options);
}

std::vector<float> last_logits(Engine& engine, const std::vector<Token>& tokens) {
  const auto logits = engine.logits(tokens, {static_cast<int64_t>(tokens.size()) - 1});
  EXPECT_TRUE(logits.is_ok()) << logits.error().message;
  return logits->front();
}

double relative_rms(const std::vector<float>& found, const std::vector<float>& expected) {
  double errors = 0;
  double squares = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    errors += std::pow(static_cast<double>(found[i]) - expected[i], 2);
    squares += std::pow(static_cast<double>(expected[i]), 2);
  }
  return std::sqrt(errors / squares);
}

TEST(Synthesize, a_llama_of_every_type_loads_and_runs) {
  for (const std::string& type : quantization_types()) {
    SCOPED_TRACE(type);
    const TemporaryPath file;
    const auto written = synthesize({"llama", "tiny", type, 1}, file.path());
    ASSERT_TRUE(written.is_ok()) << written.error().message;
    EXPECT_EQ(written->file_bytes, std::filesystem::file_size(file.path()));
    const auto engine = load(file.path());
    ASSERT_TRUE(engine.is_ok()) << engine.error().message;
    EXPECT_EQ((*engine)->summary().parameters, written->parameters);
    const std::string text = "Hello, w\xc3\xb6rld";
    const std::vector<Token> tokens = (*engine)->tokenize(text, true, false);
    EXPECT_EQ((*engine)->detokenize(tokens), text);
    for (const float value : last_logits(**engine, tokens)) ASSERT_TRUE(std::isfinite(value));
  }
}

TEST(Synthesize, the_chat_template_of_the_made_up_vocabulary_renders) {
  const TemporaryPath file;
  ASSERT_TRUE(synthesize({"llama", "tiny", "f16", 1}, file.path()).is_ok());
  const auto engine = load(file.path());
  ASSERT_TRUE(engine.is_ok()) << engine.error().message;
  const auto messages = Json::parse(R"([{"role": "user", "content": "hello"}])");
  const auto tokens = (*engine)->render_chat(*messages, Json());
  ASSERT_TRUE(tokens.is_ok()) << tokens.error().message;
  const auto control = (*engine)->tokenize("<|im_start|>", false, true);
  ASSERT_EQ(control.size(), 1u);
  EXPECT_EQ(tokens->front(), control.front());
}

TEST(Synthesize, every_tiny_shape_has_a_header_that_reads) {
  for (const ModelShape& shape : shape_table()) {
    if (shape.name != "tiny") continue;
    SCOPED_TRACE(shape.architecture);
    const TemporaryPath file;
    const auto written =
        synthesize({std::string(shape.architecture), "tiny", "q4_k_m", 1}, file.path());
    ASSERT_TRUE(written.is_ok()) << written.error().message;
    const auto summary = inspect_model(file.path());
    ASSERT_TRUE(summary.is_ok()) << summary.error().message;
    EXPECT_EQ(summary->architecture, shape.architecture);
    EXPECT_EQ(summary->layers, shape.layers);
    EXPECT_EQ(summary->vocabulary, shape.vocabulary);
    EXPECT_EQ(summary->parameters, written->parameters);
  }
}

TEST(Synthesize, the_seed_decides_the_weights) {
  const auto bytes_of = [](uint64_t seed) {
    const TemporaryPath file;
    EXPECT_TRUE(synthesize({"llama", "tiny", "q4_0", seed}, file.path()).is_ok());
    return *testing::read_text_file(file.path());
  };
  const std::string first = bytes_of(1);
  EXPECT_TRUE(first == bytes_of(1));
  EXPECT_FALSE(first == bytes_of(2));
}

TEST(Quantize, a_model_encoded_anew_gives_nearly_the_same_logits) {
  const std::string source = testing::shared_path("data/golden/llama-f32.gguf");
  if (!testing::is_readable(source)) GTEST_SKIP() << source << " is absent";
  const std::vector<Token> tokens = {1, 300, 301, 302, 303, 304, 305};
  const auto original = load(source);
  ASSERT_TRUE(original.is_ok()) << original.error().message;
  const std::vector<float> expected = last_logits(**original, tokens);
  // Random weights amplify rounding about sevenfold; two encoders of equal quality differ as much.
  const std::pair<const char*, double> bounds[] = {
      {"f32", 0}, {"f16", 0.005}, {"q8_0", 0.06}, {"q5_0", 0.4}, {"q4_k_m", 0.4}};
  for (const auto& [type, bound] : bounds) {
    SCOPED_TRACE(type);
    const TemporaryPath file;
    const auto written = quantize(source, type, file.path());
    ASSERT_TRUE(written.is_ok()) << written.error().message;
    const auto engine = load(file.path());
    ASSERT_TRUE(engine.is_ok()) << engine.error().message;
    EXPECT_LE(relative_rms(last_logits(**engine, tokens), expected), bound);
    EXPECT_EQ((*engine)->tokenize("the same text", true, false),
              (*original)->tokenize("the same text", true, false));
  }
}

TEST(Quantize, keeps_metadata_and_vectors_and_states_the_file_type) {
  testing::TinyModel tiny;
  tiny.chat_template = "{{ messages }}";
  const TemporaryPath file;
  const std::string source = testing::write_temporary_file(testing::tiny_model_bytes(tiny));
  ASSERT_TRUE(quantize(source, "q8_0", file.path()).is_ok());
  const auto before = gguf::File::open(source);
  const auto after = gguf::File::open(file.path());
  std::filesystem::remove(source);
  ASSERT_TRUE(after.is_ok()) << after.error().message;
  const gguf::Contents& contents = (*after)->contents();
  for (const gguf::Entry& entry : (*before)->contents().entries) {
    ASSERT_NE(contents.find(entry.key), nullptr) << entry.key;
    EXPECT_EQ(contents.find(entry.key)->type, entry.type);
  }
  EXPECT_EQ(*contents.integer("general.file_type", 0, 99).value(), 7);
  EXPECT_EQ(*contents.string("tokenizer.chat_template").value(), "{{ messages }}");
  EXPECT_EQ(contents.find_tensor("output_norm.weight")->type.name, "F32");
  EXPECT_EQ(contents.find_tensor("blk.1.ffn_up.weight")->type.name, "Q8_0");
}

TEST(Quantize, refuses_weights_that_are_no_numbers_and_names_the_tensor) {
  testing::GgufWriter writer;
  writer.add_string("general.architecture", "llama");
  std::vector<float> values(64, 1.0f);
  values[40] = std::numeric_limits<float>::quiet_NaN();
  writer.add_tensor("blk.0.ffn_up.weight", {32, 2}, 0,
                    testing::pack(gguf::TensorType::f32, values));
  const std::string source = testing::write_temporary_file(writer.build());
  const TemporaryPath file;
  const auto refused = quantize(source, "q4_0", file.path());
  ASSERT_TRUE(refused.is_error());
  EXPECT_EQ(refused.error().code, ErrorCode::malformed);
  EXPECT_EQ(refused.error().param, "blk.0.ffn_up.weight");
  EXPECT_FALSE(std::filesystem::exists(file.path()));
  const auto itself = quantize(source, "q4_0", source);
  ASSERT_TRUE(itself.is_error());
  EXPECT_EQ(itself.error().code, ErrorCode::invalid_argument);
  std::filesystem::remove(source);
}

}  // namespace
}  // namespace plinth::engine
