// SPDX-License-Identifier: Apache-2.0
// Tokenizing by path: whole models, vocabularies alone, and files that are neither.
#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/testing/gguf_writer.h"
#include "engine/testing/tiny_model.h"

namespace plinth::engine {
namespace {

Result<std::unique_ptr<TextTokenizer>> load(const std::string& bytes) {
  const std::string path = testing::write_temporary_file(bytes);
  auto tokenizer = load_tokenizer(path);
  ::unlink(path.c_str());
  return tokenizer;
}

TEST(TextTokenizer, reads_a_file_that_holds_a_vocabulary_and_no_model) {
  testing::GgufWriter writer;
  writer.add_string("tokenizer.ggml.model", "llama");
  writer.add_strings("tokenizer.ggml.tokens",
                     {"<unk>", "<s>", "\xe2\x96\x81hi", "\xe2\x96\x81", "h", "i", "\xe2\x96\x81h"});
  writer.add_i32s("tokenizer.ggml.token_type", {2, 3, 1, 1, 1, 1, 1});
  writer.add_u32("tokenizer.ggml.unknown_token_id", 0);
  writer.add_u32("tokenizer.ggml.bos_token_id", 1);
  const auto tokenizer = load(writer.build());
  ASSERT_TRUE(tokenizer.is_ok()) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->tokenize("hi", true, false), (std::vector<Token>{1, 2}));
  EXPECT_EQ((*tokenizer)->detokenize({1, 2}), "hi");
}

TEST(TextTokenizer, reads_the_vocabulary_of_a_whole_model) {
  const auto tokenizer = load(testing::tiny_model_bytes({}));
  ASSERT_TRUE(tokenizer.is_ok()) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->tokenize("hello", false, false).size(), 1u);
}

TEST(TextTokenizer, names_the_file_and_what_it_lacks) {
  const auto tokenizer = load(testing::GgufWriter().build());
  ASSERT_TRUE(tokenizer.is_error());
  EXPECT_EQ(tokenizer.error().code, ErrorCode::not_found);
  EXPECT_NE(tokenizer.error().message.find(".gguf: tokenizer.ggml.tokens"), std::string::npos)
      << tokenizer.error().message;
  EXPECT_EQ(load_tokenizer("/nowhere.gguf").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace plinth::engine
