// SPDX-License-Identifier: Apache-2.0
// Conformance: logits and greedy tokens of reference models, as an exact implementation computes
// them from the same file.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/engine.h"
#include "engine/models/model.h"
#include "engine/testing/collector.h"
#include "engine/testing/shared_files.h"

namespace plinth::engine {
namespace {

constexpr double kRelativeRmsMax = 1e-4;

struct Differences {
  double largest = 0;
  double relative_rms = 0;
};

Differences compare(const std::vector<float>& found, const Json& expected) {
  Differences result;
  double difference_squares = 0;
  double squares = 0;
  EXPECT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const double value = expected.items()[i].as_double();
    const double difference = std::fabs(found[i] - value);
    result.largest = std::max(result.largest, difference);
    difference_squares += difference * difference;
    squares += value * value;
  }
  result.relative_rms = std::sqrt(difference_squares / squares);
  return result;
}

std::vector<Token> tokens_of(const Json& json) {
  std::vector<Token> tokens;
  for (const Json& token : json.items()) tokens.push_back(static_cast<Token>(token.as_int()));
  return tokens;
}

// Tokens up to the first step whose choice is closer than the tolerance allows to tell.
std::vector<Token> decided_greedy(const Json& reference, double tolerance) {
  std::vector<Token> tokens = tokens_of(reference["greedy"]);
  const auto& gaps = reference["greedy_gap"].items();
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (gaps[i].as_double() > tolerance) continue;
    tokens.resize(i);
    break;
  }
  return tokens;
}

void check_case(Engine& engine, const Json& test_case, double logit_difference_max) {
  const std::vector<Token> tokens = tokens_of(test_case["tokens"]);
  EXPECT_EQ(engine.tokenize(test_case["prompt"].as_string(), true, false), tokens);
  const Json& reference = test_case["ref"];
  std::vector<int64_t> positions;
  for (const Json& entry : reference["logits"].items()) positions.push_back(entry["pos"].as_int());
  const auto logits = engine.logits(tokens, positions);
  ASSERT_TRUE(logits.is_ok()) << logits.error().message;
  for (size_t i = 0; i < positions.size(); ++i) {
    const Differences found = compare((*logits)[i], reference["logits"].items()[i]["values"]);
    EXPECT_LE(found.relative_rms, kRelativeRmsMax) << "position " << positions[i];
    EXPECT_LE(found.largest, logit_difference_max) << "position " << positions[i];
  }
  GenerateRequest request;
  request.prompt = tokens;
  request.sampling.temperature = 0;
  request.max_tokens = 32;
  request.is_end_honoured = false;
  testing::Collector collector;
  collector.submit(engine, request);
  std::vector<Token> generated = collector.wait().tokens;
  ASSERT_EQ(generated.size(), 32u);
  const std::vector<Token> expected = decided_greedy(reference, logit_difference_max);
  EXPECT_GE(expected.size(), 16u);
  generated.resize(expected.size());
  EXPECT_EQ(generated, expected);
}

void check_model(const std::string& name) {
  const std::string path = testing::shared_path("data/golden/" + name);
  if (!testing::is_readable(path + ".json")) GTEST_SKIP() << path << ".json is absent";
  const auto golden = testing::read_json_file(path + ".json");
  ASSERT_TRUE(golden.is_ok()) << golden.error().message;
  EngineOptions options;
  options.path = path + ".gguf";
  const auto engine = Engine::load(options);
  ASSERT_TRUE(engine.is_ok()) << engine.error().message;
  for (const Json& test_case : (*golden)["cases"].items()) {
    SCOPED_TRACE(test_case["prompt"].as_string());
    check_case(**engine, test_case, 1e-3);
  }
}

TEST(Golden, llama_f32) { check_model("llama-f32"); }
TEST(Golden, llama_f16) { check_model("llama-f16"); }
TEST(Golden, llama_q8_0) { check_model("llama-q8_0"); }
TEST(Golden, llama_with_linear_rope_scaling) { check_model("llama-linear-f32"); }
TEST(Golden, llama3_with_rope_factors) { check_model("llama3-ropefreqs-f32"); }
TEST(Golden, llama_q8_0_with_wider_rows) { check_model("llamak-q8_0"); }

TEST(Golden, mistral_f32) { check_model("mistral-f32"); }
TEST(Golden, qwen2_f32) { check_model("qwen2-f32"); }
TEST(Golden, qwen2_q8_0) { check_model("qwen2-q8_0"); }
TEST(Golden, qwen3_f32) { check_model("qwen3-f32"); }
TEST(Golden, qwen3moe_f32) { check_model("qwen3moe-f32"); }
TEST(Golden, qwen3moe_q8_0) { check_model("qwen3moe-q8_0"); }
TEST(Golden, gemma3_f32) { check_model("gemma3-f32"); }
TEST(Golden, phi3_f32) { check_model("phi3-f32"); }

// The pooled vector for the tokens that the reference took.
void check_embedder(const std::string& name) {
  const std::string path = testing::shared_path("data/golden/" + name);
  if (!testing::is_readable(path + ".json")) GTEST_SKIP() << path << ".json is absent";
  const auto golden = testing::read_json_file(path + ".json");
  ASSERT_TRUE(golden.is_ok()) << golden.error().message;
  const auto file = gguf::File::open(path + ".gguf");
  ASSERT_TRUE(file.is_ok()) << file.error().message;
  kernels::ThreadPool pool(2);
  const auto encoder = build_encoder({**file, kernels::best_kernels(), pool});
  ASSERT_TRUE(encoder.is_ok()) << encoder.error().message;
  for (const Json& test_case : (*golden)["cases"].items()) {
    SCOPED_TRACE(test_case["prompt"].as_string());
    const std::vector<float> found = (*encoder)->embed(tokens_of(test_case["tokens"]));
    const Differences differences = compare(found, test_case["ref"]["embedding_raw"]);
    EXPECT_LE(differences.relative_rms, kRelativeRmsMax);
  }
}

TEST(Golden, bert_f32) { check_embedder("bert-f32"); }
TEST(Golden, bert_f16) { check_embedder("bert-f16"); }
TEST(Golden, bert_q8_0) { check_embedder("bert-q8_0"); }

TEST(Golden, names_types_it_does_not_compute) {
  EngineOptions options;
  options.path = testing::shared_path("data/golden/llama-q4_0.gguf");
  if (!testing::is_readable(options.path)) GTEST_SKIP() << options.path << " is absent";
  const auto quantized = Engine::load(options);
  ASSERT_TRUE(quantized.is_error());
  EXPECT_EQ(quantized.error().code, ErrorCode::unsupported);
  EXPECT_NE(quantized.error().message.find("Q4_0"), std::string::npos) << quantized.error().message;
  EXPECT_EQ(inspect_model(options.path)->quantization, "Q4_0");
}

TEST(Golden, a_trained_model_tells_its_story) {
  const std::string path = testing::shared_path("data/models/stories260K");
  if (!testing::is_readable(path + ".json")) GTEST_SKIP() << path << ".json is absent";
  const auto golden = testing::read_json_file(path + ".json");
  ASSERT_TRUE(golden.is_ok()) << golden.error().message;
  EngineOptions options;
  options.path = path + ".gguf";
  const auto engine = Engine::load(options);
  ASSERT_TRUE(engine.is_ok()) << engine.error().message;
  GenerateRequest request;
  request.prompt = (*engine)->tokenize((*golden)["prompt"].as_string(), true, false);
  EXPECT_EQ(request.prompt, tokens_of((*golden)["tokens"]));
  request.sampling.temperature = 0;
  request.max_tokens = 64;
  testing::Collector collector;
  collector.submit(**engine, request);
  EXPECT_EQ(collector.wait().tokens, tokens_of((*golden)["greedy"]));
  EXPECT_EQ(collector.text(), (*golden)["text"].as_string());
}

}  // namespace
}  // namespace plinth::engine
