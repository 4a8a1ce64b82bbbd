// SPDX-License-Identifier: Apache-2.0
// 1 MiB without a place to cut, in the vocabularies of known models: each text is one piece, so the
// merges alone must not take the square of its length.
#include <gtest/gtest.h>

#include <chrono>

#include "engine/engine.h"
#include "engine/testing/shared_files.h"

namespace plinth::engine {
namespace {

constexpr size_t kBytes = 1u << 20;
constexpr auto kTimeMax = std::chrono::seconds(60);  // unoptimised, under sanitizers, beside others

void check_model(const std::string& name) {
  const std::string path = testing::shared_path("data/tokenizers/ggml-vocab-" + name + ".gguf");
  if (!testing::is_readable(path)) GTEST_SKIP() << path << " is absent";
  const auto tokenizer = load_tokenizer(path);
  ASSERT_TRUE(tokenizer.is_ok()) << tokenizer.error().message;
  for (const char c : {'a', ' '}) {
    const auto begin = std::chrono::steady_clock::now();
    const std::string text(kBytes, c);
    const auto tokens = (*tokenizer)->tokenize(text, false, false);
    if (name != "bert-bge") {
      EXPECT_EQ((*tokenizer)->detokenize(tokens), text);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, kTimeMax);
  }
}

TEST(LongTextInKnownModels, qwen2) { check_model("qwen2"); }
TEST(LongTextInKnownModels, llama_byte_level) { check_model("llama-bpe"); }
TEST(LongTextInKnownModels, llama_sentence_piece) { check_model("llama-spm"); }
TEST(LongTextInKnownModels, bert) { check_model("bert-bge"); }

}  // namespace
}  // namespace plinth::engine
