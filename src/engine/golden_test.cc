// SPDX-License-Identifier: Apache-2.0
// Conformance: logits and greedy tokens of reference models, as an exact implementation computes
// them from the same file.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "engine/engine.h"
#include "engine/testing/collector.h"
#include "engine/testing/gguf_writer.h"
#include "engine/testing/shared_files.h"
#include "engine/testing/tiny_model.h"

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

std::vector<float> floats_of(const Json& json) {
  std::vector<float> values;
  for (const Json& value : json.items()) values.push_back(static_cast<float>(value.as_double()));
  return values;
}

// How far a path may be from what an exact engine computes: the path with activations of 8 bits
// half as far again as the reference's own such path at the same position.
struct Gate {
  bool is_exact;
  double difference_max;

  double relative_rms_max(const Json& test_case, size_t index) const {
    if (is_exact) return kRelativeRmsMax;
    const auto values = [&](const char* path) -> const Json& {
      return test_case[path]["logits"].items()[index]["values"];
    };
    return 1.5 * compare(floats_of(values("native")), values("ref")).relative_rms;
  }
};

void check_logits(Engine& engine, const Json& test_case, const Gate& gate) {
  const std::vector<Token> tokens = tokens_of(test_case["tokens"]);
  EXPECT_EQ(engine.tokenize(test_case["prompt"].as_string(), true, false), tokens);
  const auto& expected = test_case["ref"]["logits"].items();
  std::vector<int64_t> positions;
  for (const Json& entry : expected) positions.push_back(entry["pos"].as_int());
  const auto logits = engine.logits(tokens, positions);
  ASSERT_TRUE(logits.is_ok()) << logits.error().message;
  for (size_t i = 0; i < positions.size(); ++i) {
    const Differences found = compare((*logits)[i], expected[i]["values"]);
    EXPECT_LE(found.relative_rms, gate.relative_rms_max(test_case, i))
        << "position " << positions[i];
    EXPECT_LE(found.largest, gate.difference_max) << "position " << positions[i];
  }
}

// Returns how many of the reference's tokens the gate can tell apart.
size_t check_greedy(Engine& engine, const Json& test_case, const Gate& gate) {
  GenerateRequest request;
  request.prompt = tokens_of(test_case["tokens"]);
  request.sampling.temperature = 0;
  request.max_tokens = 32;
  request.is_end_honoured = false;
  testing::Collector collector;
  collector.submit(engine, request);
  std::vector<Token> generated = collector.wait().tokens;
  EXPECT_EQ(generated.size(), 32u);
  const std::vector<Token> expected = decided_greedy(test_case["ref"], gate.difference_max);
  generated.resize(expected.size());
  EXPECT_EQ(generated, expected);
  return expected.size();
}

void check_model(const std::string& name) {
  const std::string path = testing::shared_path("data/golden/" + name);
  if (!testing::is_readable(path + ".json")) GTEST_SKIP() << path << ".json is absent";
  const auto golden = testing::read_json_file(path + ".json");
  ASSERT_TRUE(golden.is_ok()) << golden.error().message;
  for (const Precision precision : {Precision::exact, Precision::fast}) {
    SCOPED_TRACE(precision == Precision::fast ? "fast" : "exact");
    EngineOptions options;
    options.path = path + ".gguf";
    options.precision = precision;
    const auto engine = Engine::load(options);
    ASSERT_TRUE(engine.is_ok()) << engine.error().message;
    // Without integer kernels for its type the fast path is the exact one.
    const bool is_exact = precision == Precision::exact ||
                          (*engine)->summary().quantization.ends_with("32") ||
                          (*engine)->summary().quantization.ends_with("16");
    for (const Json& test_case : (*golden)["cases"].items()) {
      SCOPED_TRACE(test_case["prompt"].as_string());
      const double native = test_case["native_vs_ref_last_logits"]["max_abs"].as_double();
      const Gate gate{is_exact, is_exact ? 1e-3 : 3 * native};
      check_logits(**engine, test_case, gate);
      const size_t decided = check_greedy(**engine, test_case, gate);
      EXPECT_GE(decided, is_exact ? 16u : 0u);
    }
  }
}

TEST(Golden, llama_f32) { check_model("llama-f32"); }
TEST(Golden, llama_f16) { check_model("llama-f16"); }
TEST(Golden, llama_q8_0) { check_model("llama-q8_0"); }
TEST(Golden, llama_with_linear_rope_scaling) { check_model("llama-linear-f32"); }
TEST(Golden, llama3_with_rope_factors) { check_model("llama3-ropefreqs-f32"); }
TEST(Golden, llama_q8_0_with_wider_rows) { check_model("llamak-q8_0"); }
TEST(Golden, llama_bf16) { check_model("llama-bf16"); }
TEST(Golden, llama_q4_0) { check_model("llama-q4_0"); }
TEST(Golden, llama_q4_0_with_wider_rows) { check_model("llamak-q4_0"); }
TEST(Golden, llama_q4_k) { check_model("llamak-q4_k"); }
TEST(Golden, llama_q4_k_with_q6_k) { check_model("llamak-q4_k_m"); }
TEST(Golden, llama_q5_0) { check_model("llamak-q5_0"); }
TEST(Golden, llama_q5_k) { check_model("llamak-q5_k"); }
TEST(Golden, llama_q6_k) { check_model("llamak-q6_k"); }

TEST(Golden, mistral_f32) { check_model("mistral-f32"); }
TEST(Golden, qwen2_f32) { check_model("qwen2-f32"); }
TEST(Golden, qwen2_q8_0) { check_model("qwen2-q8_0"); }
TEST(Golden, qwen3_f32) { check_model("qwen3-f32"); }
TEST(Golden, qwen3moe_f32) { check_model("qwen3moe-f32"); }
TEST(Golden, qwen3moe_q8_0) { check_model("qwen3moe-q8_0"); }
TEST(Golden, qwen3moe_q4_0) { check_model("qwen3moe-q4_0"); }
TEST(Golden, gemma3_f32) { check_model("gemma3-f32"); }
TEST(Golden, gemma3_q4_0) { check_model("gemma3-q4_0"); }
TEST(Golden, phi3_f32) { check_model("phi3-f32"); }

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double product = 0;
  double a_squares = 0;
  double b_squares = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    product += static_cast<double>(a[i]) * b[i];
    a_squares += static_cast<double>(a[i]) * a[i];
    b_squares += static_cast<double>(b[i]) * b[i];
  }
  return product / std::sqrt(a_squares * b_squares);
}

void check_embedder(const std::string& name) {
  constexpr double kFastCosineMin = 0.999;
  const std::string path = testing::shared_path("data/golden/" + name);
  if (!testing::is_readable(path + ".json")) GTEST_SKIP() << path << ".json is absent";
  const auto golden = testing::read_json_file(path + ".json");
  ASSERT_TRUE(golden.is_ok()) << golden.error().message;
  for (const Precision precision : {Precision::exact, Precision::fast}) {
    EngineOptions options;
    options.path = path + ".gguf";
    options.precision = precision;
    const auto engine = Engine::load(options);
    ASSERT_TRUE(engine.is_ok()) << engine.error().message;
    for (const Json& test_case : (*golden)["cases"].items()) {
      SCOPED_TRACE(test_case["prompt"].as_string());
      const std::vector<Token> tokens = tokens_of(test_case["tokens"]);
      EXPECT_EQ((*engine)->tokenize(test_case["prompt"].as_string(), true, false), tokens);
      const auto found = (*engine)->embed(tokens);
      ASSERT_TRUE(found.is_ok()) << found.error().message;
      const Json& expected = test_case["ref"]["embedding_raw"];
      if (precision == Precision::exact) {
        EXPECT_LE(compare(*found, expected).relative_rms, kRelativeRmsMax);
      }
      EXPECT_GE(cosine(*found, floats_of(expected)), kFastCosineMin);
    }
  }
}

TEST(Golden, bert_f32) { check_embedder("bert-f32"); }
TEST(Golden, bert_f16) { check_embedder("bert-f16"); }
TEST(Golden, bert_q8_0) { check_embedder("bert-q8_0"); }

TEST(Golden, names_types_it_does_not_compute) {
  // 23 is IQ4_XS, whose blocks of 256 values have 136 bytes; the record of the embeddings is made
  // to say so, and their 262 rows of 256 values take less room than before.
  testing::TinyModel tiny;
  tiny.width = 256;
  std::string bytes = testing::tiny_model_bytes(tiny);
  const std::string name = testing::GgufWriter::encode_string("token_embd.weight");
  const size_t record = bytes.find(name);
  ASSERT_NE(record, std::string::npos);
  const size_t type_at = record + name.size() + sizeof(uint32_t) + 2 * sizeof(uint64_t);
  bytes.replace(type_at, sizeof(uint32_t), testing::GgufWriter::encode_u32(23));
  const std::string path = testing::write_temporary_file(bytes);
  EXPECT_EQ(inspect_model(path)->architecture, "llama");
  std::filesystem::remove(path);
  const auto refused = testing::load_bytes(bytes, {});
  ASSERT_TRUE(refused.is_error());
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
  EXPECT_NE(refused.error().message.find("type IQ4_XS is not computed; supported are F32, F16"),
            std::string::npos)
      << refused.error().message;
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
