// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <gtest/gtest.h>

namespace plinth {
namespace {

using Parts = std::vector<std::string_view>;

TEST(Text, split_keeps_empty_parts) {
  EXPECT_EQ(split("a,,b,", ','), (Parts{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), (Parts{""}));
  EXPECT_EQ(split("abc", ','), (Parts{"abc"}));
}

TEST(Text, trim_removes_space_at_both_ends) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Text, lower_ascii_leaves_other_scripts_alone) {
  EXPECT_EQ(lower_ascii("AZ[\u00c4"), "az[\u00c4");
}

TEST(Text, join_puts_separators_between) {
  EXPECT_EQ(join({"a", "b", "c"}, ", "), "a, b, c");
  EXPECT_EQ(join({}, ", "), "");
}

TEST(Utf8, refuses_overlong_forms_surrogates_and_cut_sequences) {
  EXPECT_TRUE(is_utf8("z\u00df\u6c34\U0001d10b"));
  EXPECT_TRUE(is_utf8(""));
  EXPECT_FALSE(is_utf8("\xc0\x80"));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
  EXPECT_FALSE(is_utf8("\xe6\xb0"));
  EXPECT_FALSE(is_utf8("\xff"));
}

TEST(Utf8, complete_prefix_holds_back_only_a_code_point_that_may_go_on) {
  const std::string_view text = "a\u00df\u6c34\U0001d10b";  // 1 + 2 + 3 + 4 bytes
  const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
  for (size_t i = 0; i <= text.size(); ++i) {
    EXPECT_EQ(utf8_complete_prefix(text.substr(0, i)), expected[i]) << i;
  }
  EXPECT_EQ(utf8_complete_prefix("ab\xff"), 3u);
  EXPECT_EQ(utf8_complete_prefix("\x80\x80\x80\x80\x80"), 5u);
}

TEST(Shorten, cuts_at_a_code_point_and_never_exceeds_the_limit) {
  EXPECT_EQ(shorten("abcdef", 6), "abcdef");
  EXPECT_EQ(shorten("abcdefg", 6), "abc\u2026");
  EXPECT_EQ(shorten("\u6c34\u6c34\u6c34", 8), "\u6c34\u2026");
  EXPECT_EQ(shorten("\u6c34\u6c34", 3), "\u2026");
  EXPECT_EQ(shorten("abc", 2), "ab");
  EXPECT_EQ(shorten("\u6c34", 2), "");
  EXPECT_EQ(shorten("abc", 0), "");
}

}  // namespace
}  // namespace plinth
