// SPDX-License-Identifier: Apache-2.0
#include "engine/tokenizer/utf8_stream.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/text.h"
#include "engine/gguf/parse.h"
#include "engine/testing/tiny_model.h"
#include "engine/tokenizer/tokenizer.h"

namespace plinth::engine {
namespace {

TEST(Utf8Stream, holds_back_an_unfinished_code_point) {
  Utf8Stream stream;
  EXPECT_EQ(stream.feed("a\xf0\x9f"), "a");
  EXPECT_EQ(stream.feed("\x98"), "");
  EXPECT_EQ(stream.feed("\x80z"), "\xf0\x9f\x98\x80z");
  EXPECT_EQ(stream.finish(), "");
}

TEST(Utf8Stream, replaces_what_is_no_utf8) {
  Utf8Stream stream;
  EXPECT_EQ(stream.feed("a\xff"), "a\xef\xbf\xbd");
  EXPECT_EQ(stream.feed("\xc3("), "\xef\xbf\xbd(");
  EXPECT_EQ(stream.feed("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");  // a surrogate
  EXPECT_EQ(stream.feed("\xe2\x82"), "");
  EXPECT_EQ(stream.finish(), "\xef\xbf\xbd");
  EXPECT_EQ(stream.finish(), "");
}

// What a reply streams for these tokens. Every piece must be valid by itself.
std::string streamed(const Tokenizer& tokenizer, const std::vector<Token>& tokens) {
  Utf8Stream stream;
  std::string text;
  for (const Token token : tokens) {
    const std::string piece = stream.feed(tokenizer.piece(token));
    EXPECT_TRUE(is_utf8(piece));
    text += piece;
  }
  const std::string rest = stream.finish();
  EXPECT_TRUE(is_utf8(rest));
  return text + rest;
}

class StreamedTokens : public ::testing::Test {
 protected:
  StreamedTokens() : bytes_(testing::tiny_model_bytes({})) {
    const auto contents = gguf::parse(bytes_);
    tokenizer_ = std::move(Tokenizer::read(contents.value()).value());
  }

  std::string bytes_;
  std::unique_ptr<Tokenizer> tokenizer_;
  SeededRandom random_{7};
};

TEST_F(StreamedTokens, of_any_text_are_the_text) {
  for (int round = 0; round < 500; ++round) {
    std::vector<Token> tokens;
    for (int i = 0; i < 20; ++i) {
      // One token a byte: every code point but ASCII is cut.
      constexpr std::string_view kTexts[] = {"a", "é", "我", "🦙", "\n", "\u0301", "\U0010ffff"};
      for (const char c : kTexts[random_.next() % std::size(kTexts)]) {
        const auto one = tokenizer_->encode(std::string_view(&c, 1), false, false);
        tokens.insert(tokens.end(), one.begin(), one.end());
      }
    }
    EXPECT_EQ(streamed(*tokenizer_, tokens), tokenizer_->decode(tokens));
  }
}

TEST_F(StreamedTokens, of_any_bytes_are_what_the_whole_reply_would_be) {
  const size_t vocabulary = tokenizer_->vocabulary().size();
  for (int round = 0; round < 2000; ++round) {
    std::vector<Token> tokens;
    for (int i = 0; i < 40; ++i) tokens.push_back(static_cast<Token>(random_.next() % vocabulary));
    Utf8Stream whole;
    const std::string text = whole.feed(tokenizer_->decode(tokens));
    EXPECT_EQ(streamed(*tokenizer_, tokens), text + whole.finish());
  }
}

}  // namespace
}  // namespace plinth::engine
