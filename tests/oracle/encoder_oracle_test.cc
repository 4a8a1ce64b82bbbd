// SPDX-License-Identifier: Apache-2.0
// The engine's embeddings against the oracle's.
#include "tests/oracle/encoder_oracle.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/testing/tiny_model.h"
#include "tests/oracle/compare.h"

namespace plinth::oracle {
namespace {

using engine::testing::TinyEncoder;

void check(const TinyEncoder& model) {
  const std::string path =
      engine::testing::write_temporary_file(engine::testing::tiny_encoder_bytes(model));
  engine::EngineOptions options;
  options.path = path;
  options.precision = engine::Precision::exact;
  const auto loaded = engine::Engine::load(options);
  ASSERT_TRUE(loaded.is_ok()) << loaded.error().message;
  std::vector<engine::Token> tokens;
  for (const int count : {1, 2, 21}) {
    while (static_cast<int>(tokens.size()) < count) {
      tokens.push_back(static_cast<engine::Token>((tokens.size() * 53 + 11) % 260));
    }
    const auto found = (*loaded)->embed(tokens);
    const auto expected = embed(path, tokens);
    ASSERT_TRUE(found.is_ok()) << found.error().message;
    ASSERT_TRUE(expected.is_ok()) << expected.error().message;
    expect_close(*found, *expected);
  }
  ::unlink(path.c_str());
}

TEST(EncoderOracle, agrees_on_bert_with_every_pooling) {
  for (const int64_t pooling : {1, 2, 3}) {
    TinyEncoder model;
    model.pooling = pooling;
    check(model);
  }
}

TEST(EncoderOracle, agrees_on_nomic_bert) {
  TinyEncoder model;
  model.architecture = "nomic-bert";
  check(model);
  model.width = 60;
  model.heads = 6;
  model.feed_forward = 77;
  check(model);
}

}  // namespace
}  // namespace plinth::oracle
