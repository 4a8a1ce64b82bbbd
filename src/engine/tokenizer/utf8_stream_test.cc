// SPDX-License-Identifier: Apache-2.0
#include "engine/tokenizer/utf8_stream.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace plinth::engine
