// SPDX-License-Identifier: Apache-2.0
#include "engine/tokenizer/special_tokens.h"

#include <gtest/gtest.h>

#include "engine/gguf/parse.h"
#include "engine/testing/gguf_writer.h"

namespace plinth::engine {
namespace {

std::vector<Token> found_in(const std::vector<std::string>& tokens, std::string_view text) {
  testing::GgufWriter writer;
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  std::vector<int32_t> kinds(tokens.size(), static_cast<int32_t>(TokenKind::control));
  kinds[0] = static_cast<int32_t>(TokenKind::normal);
  writer.add_i32s("tokenizer.ggml.token_type", kinds);
  const std::string bytes = writer.build();
  const auto contents = gguf::parse(bytes);
  const auto vocabulary = Vocabulary::read(contents.value());
  const SpecialTokens special(vocabulary.value());
  std::vector<Token> found;
  special.match(text, [&](Token token) { found.push_back(token); });
  return found;
}

using Tokens = std::vector<Token>;

TEST(SpecialTokens, finds_every_token_that_begins_the_text_shorter_ones_first) {
  const std::vector<std::string> tokens = {"<x>", "<a>", "<", "<ab>", "<a", "b", ""};
  EXPECT_EQ(found_in(tokens, "<a>b"), (Tokens{2, 4, 1}));
  EXPECT_EQ(found_in(tokens, "<ab"), (Tokens{2, 4}));
  EXPECT_EQ(found_in(tokens, "<ab>"), (Tokens{2, 4, 3}));
  EXPECT_EQ(found_in(tokens, "<x>"), Tokens{2});  // "<x>" is a normal token
  EXPECT_EQ(found_in(tokens, "x<a>"), Tokens());
  EXPECT_EQ(found_in(tokens, ""), Tokens());
}

TEST(SpecialTokens, tells_bytes_above_127_apart) {
  EXPECT_EQ(found_in({"n", "\xe2\x96\x81\x61", "\xe2\x96\x81", "\xff"}, "\xe2\x96\x81\x61"),
            (Tokens{2, 1}));
  EXPECT_EQ(found_in({"n", "\x7f", "\xff"}, "\xff"), Tokens{2});
}

TEST(SpecialTokens, counts_the_first_of_equal_texts) {
  EXPECT_EQ(found_in({"n", "<a>", "<a>"}, "<a>"), Tokens{1});
  EXPECT_EQ(found_in({"<a>", "<a>"}, "<a>"), Tokens());  // the first is a normal token
}

}  // namespace
}  // namespace plinth::engine
