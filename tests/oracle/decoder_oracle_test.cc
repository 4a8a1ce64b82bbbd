// SPDX-License-Identifier: Apache-2.0
// The engine's logits against the oracle's, for random models of every variant the architecture
// has.
#include "tests/oracle/decoder_oracle.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/testing/tiny_model.h"
#include "tests/oracle/compare.h"

namespace plinth::oracle {
namespace {

using engine::gguf::TensorType;
using engine::testing::TinyModel;

// More than one chunk of prefill, several KV blocks, and past every window.
constexpr int kTokens = 70;

void check(const TinyModel& model, int64_t context = 0) {
  const std::string path =
      engine::testing::write_temporary_file(engine::testing::tiny_model_bytes(model));
  engine::EngineOptions options;
  options.path = path;
  options.precision = engine::Precision::exact;
  options.context_tokens_max = context;
  const auto loaded = engine::Engine::load(options);
  const auto oracle = DecoderOracle::load(path, context > 0 ? context : model.context);
  ::unlink(path.c_str());
  ASSERT_TRUE(loaded.is_ok()) << loaded.error().message;
  ASSERT_TRUE(oracle.is_ok()) << oracle.error().message;

  std::vector<engine::Token> tokens;
  std::vector<int64_t> positions;
  const int count = context > 0 ? static_cast<int>(context) : kTokens;
  for (int i = 0; i < count; ++i) {
    tokens.push_back((i * 53 + 11) % 260);
    positions.push_back(i);
  }
  const auto found = (*loaded)->logits(tokens, positions);
  ASSERT_TRUE(found.is_ok()) << found.error().message;
  const std::vector<Vector> expected = oracle->logits(tokens);
  for (size_t row = 0; row < expected.size(); ++row) {
    SCOPED_TRACE(row);
    expect_close((*found)[row], expected[row]);
  }
}

TinyModel model_of(const std::string& architecture) {
  TinyModel model;
  model.architecture = architecture;
  return model;
}

TEST(DecoderOracle, agrees_on_f32_weights) { check({}); }

TEST(DecoderOracle, agrees_on_f16_weights) {
  TinyModel model;
  model.type = TensorType::f16;
  check(model);
}

TEST(DecoderOracle, agrees_on_q8_0_weights) {
  TinyModel model;
  model.type = TensorType::q8_0;
  check(model);
}

TEST(DecoderOracle, agrees_on_an_untied_output_and_every_head_its_own_keys) {
  TinyModel model;
  model.is_output_tied = false;
  model.kv_heads = 4;
  check(model);
}

TEST(DecoderOracle, agrees_on_heads_wider_than_their_share_and_one_key_head) {
  TinyModel model;
  model.key_length = 32;
  model.kv_heads = 1;
  check(model);
}

TEST(DecoderOracle, agrees_on_rope_factors_and_linear_scaling) {
  TinyModel model;
  model.has_rope_factors = true;
  model.rope_linear_scale = 2;
  check(model);
}

TEST(DecoderOracle, agrees_on_lengths_that_are_no_multiple_of_a_vector) {
  TinyModel model;
  model.width = 60;
  model.feed_forward = 77;
  model.heads = 6;
  model.kv_heads = 3;
  check(model);
}

TEST(DecoderOracle, agrees_on_mistral_with_a_sliding_window) {
  TinyModel model;
  model.window = 21;
  model.key_length = 32;
  check(model);
}

TEST(DecoderOracle, agrees_on_mixtral) {
  TinyModel model;
  model.experts = 6;
  check(model);
  model.experts_used = 6;
  check(model);
}

TEST(DecoderOracle, agrees_on_yarn_of_both_pairings) {
  TinyModel model;
  model.key_length = 32;
  model.yarn_stretch = 4;
  check(model);
  model.architecture = "qwen2";
  check(model);
}

TEST(DecoderOracle, agrees_on_qwen2_and_qwen3) {
  check(model_of("qwen2"));
  TinyModel model = model_of("qwen3");
  model.key_length = 32;
  check(model);
}

TEST(DecoderOracle, agrees_on_qwen3moe) {
  TinyModel model = model_of("qwen3moe");
  model.experts = 8;
  model.experts_used = 3;
  check(model);
}

TEST(DecoderOracle, agrees_on_gemma2) {
  TinyModel model = model_of("gemma2");
  model.window = 16;
  model.layers = 3;
  check(model);
}

TEST(DecoderOracle, agrees_on_gemma3) {
  TinyModel model = model_of("gemma3");
  model.window = 16;
  model.layers = 7;
  model.rope_linear_scale = 8;
  check(model);
}

TEST(DecoderOracle, agrees_on_phi3_with_short_and_with_long_factors) {
  TinyModel model = model_of("phi3");
  check(model);
  model.has_long_factors = true;
  check(model);
  check(model, 64);
}

TEST(DecoderOracle, agrees_on_gpt_oss) {
  TinyModel model = model_of("gpt-oss");
  model.experts = 5;
  model.window = 16;
  model.layers = 3;
  model.yarn_stretch = 32;
  check(model);
}

}  // namespace
}  // namespace plinth::oracle
