// SPDX-License-Identifier: Apache-2.0
// The engine's logits against the oracle's, for random models of every variant the architecture
// has.
#include "tests/oracle/llama_oracle.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "engine/engine.h"
#include "engine/testing/tiny_model.h"

namespace plinth::oracle {
namespace {

using engine::gguf::TensorType;
using engine::testing::TinyModel;

// Relative root mean square difference allowed per row of logits: F32 against double.
constexpr double kRelativeRmsMax = 2e-5;

void check(const TinyModel& model) {
  const std::string path =
      engine::testing::write_temporary_file(engine::testing::tiny_model_bytes(model));
  engine::EngineOptions options;
  options.precision = engine::Precision::exact;
  options.path = path;
  const auto loaded = engine::Engine::load(options);
  const auto oracle = LlamaOracle::load(path);
  ::unlink(path.c_str());
  ASSERT_TRUE(loaded.is_ok()) << loaded.error().message;
  ASSERT_TRUE(oracle.is_ok()) << oracle.error().message;

  std::vector<engine::Token> tokens;
  std::vector<int64_t> positions;
  for (int i = 0; i < 70; ++i) {  // more than one chunk of prefill, and several KV blocks
    tokens.push_back((i * 53 + 11) % 260);
    positions.push_back(i);
  }
  const auto found = (*loaded)->logits(tokens, positions);
  ASSERT_TRUE(found.is_ok()) << found.error().message;
  const std::vector<Vector> expected = oracle->logits(tokens);
  for (size_t row = 0; row < expected.size(); ++row) {
    double difference_squares = 0;
    double squares = 0;
    ASSERT_EQ((*found)[row].size(), expected[row].size());
    for (size_t i = 0; i < expected[row].size(); ++i) {
      const double difference = (*found)[row][i] - expected[row][i];
      difference_squares += difference * difference;
      squares += expected[row][i] * expected[row][i];
    }
    EXPECT_LE(std::sqrt(difference_squares / squares), kRelativeRmsMax) << "position " << row;
  }
}

TEST(LlamaOracle, agrees_on_f32_weights) { check({}); }

TEST(LlamaOracle, agrees_on_f16_weights) {
  TinyModel model;
  model.type = TensorType::f16;
  check(model);
}

TEST(LlamaOracle, agrees_on_q8_0_weights) {
  TinyModel model;
  model.type = TensorType::q8_0;
  check(model);
}

TEST(LlamaOracle, agrees_on_an_untied_output_and_every_head_its_own_keys) {
  TinyModel model;
  model.is_output_tied = false;
  model.kv_heads = 4;
  check(model);
}

TEST(LlamaOracle, agrees_on_heads_wider_than_their_share_and_one_key_head) {
  TinyModel model;
  model.key_length = 32;
  model.kv_heads = 1;
  check(model);
}

TEST(LlamaOracle, agrees_on_rope_factors_and_linear_scaling) {
  TinyModel model;
  model.has_rope_factors = true;
  model.rope_linear_scale = 2;
  check(model);
}

TEST(LlamaOracle, agrees_on_lengths_that_are_no_multiple_of_a_vector) {
  TinyModel model;
  model.width = 60;
  model.feed_forward = 77;
  model.heads = 6;
  model.kv_heads = 3;
  check(model);
}

}  // namespace
}  // namespace plinth::oracle
