// SPDX-License-Identifier: Apache-2.0
// Words and terms.
#include "memory/texts/words.h"

#include <gtest/gtest.h>

namespace plinth::memory {
namespace {

using Words = std::vector<std::string>;

TEST(Words, are_folded_runs_of_letters_and_digits) {
  EXPECT_EQ(split_words("The QUICK-brown fox, 42 times!"),
            (Words{"the", "quick", "brown", "fox", "42", "times"}));
  EXPECT_EQ(split_words("snake_case a1b2"), (Words{"snake", "case", "a1b2"}));
  EXPECT_TRUE(split_words(" \n\t…—!").empty());
  EXPECT_TRUE(split_words("").empty());
}

TEST(Words, keep_an_apostrophe_between_letters_only) {
  EXPECT_EQ(split_words("don't O\u2019Brien's 'quoted' dogs' 90's"),
            (Words{"don't", "o'brien's", "quoted", "dogs", "90", "s"}));
}

TEST(Words, do_not_depend_on_unicode_spelling) {
  EXPECT_EQ(split_words("CAFE\u0301"), split_words("caf\u00e9"));
  EXPECT_EQ(split_words("Stra\u00dfe"), split_words("STRASSE"));
  EXPECT_EQ(split_words("\ufb01ne \uff21\uff22"), (Words{"fine", "ab"}));
}

TEST(Words, of_unspaced_scripts_are_single_characters) {
  EXPECT_EQ(split_words("東京 tower"), (Words{"東", "京", "tower"}));
  EXPECT_EQ(split_words("абв где"), (Words{"абв", "где"}));
}

TEST(Words, hold_their_limits) {
  const Words cut = split_words(std::string(1000, 'x'));
  ASSERT_EQ(cut.size(), 1u);
  EXPECT_EQ(cut[0].size(), kWordBytesMax);
  std::string many;
  for (size_t i = 0; i < kWordsMax + 10; ++i) many += "a ";
  EXPECT_EQ(split_words(many).size(), kWordsMax);
}

TEST(Words, of_bytes_that_are_no_text_are_none) {
  EXPECT_TRUE(split_words("good \xff bad").empty());
}

TEST(Words, become_terms_by_stemming_and_leaving_out_stop_words) {
  EXPECT_EQ(index_terms("The cats are running to their houses"), (Words{"cat", "run", "hous"}));
  EXPECT_EQ(index_terms("dog's"), (Words{"dog"}));
  EXPECT_TRUE(index_terms("to be or not to be").empty());
  EXPECT_TRUE(is_stop_word("with"));
  EXPECT_FALSE(is_stop_word("within"));
}

}  // namespace
}  // namespace plinth::memory
