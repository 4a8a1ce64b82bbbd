// SPDX-License-Identifier: Apache-2.0
// Pieces as the patterns cut them, checked against what their regular expressions match.
#include "engine/tokenizer/pre_tokenizer.h"

#include <gtest/gtest.h>

#include <string>

namespace plinth::engine {
namespace {

using Pieces = std::vector<std::string_view>;

TEST(PreTokenizer, gpt2_keeps_one_space_with_the_word_behind_it) {
  EXPECT_EQ(pre_tokenize(PrePattern::gpt2, "Hello  world"), (Pieces{"Hello", " ", " world"}));
  EXPECT_EQ(pre_tokenize(PrePattern::gpt2, " a1!?b"), (Pieces{" a", "1", "!?", "b"}));
  EXPECT_EQ(pre_tokenize(PrePattern::gpt2, "a  "), (Pieces{"a", "  "}));
  EXPECT_EQ(pre_tokenize(PrePattern::gpt2, "a\n\n b"), (Pieces{"a", "\n\n", " b"}));
  EXPECT_EQ(pre_tokenize(PrePattern::gpt2, ""), Pieces());
}

TEST(PreTokenizer, gpt2_cuts_contractions_in_lower_case_only) {
  EXPECT_EQ(pre_tokenize(PrePattern::gpt2, "we'll I'm"), (Pieces{"we", "'ll", " I", "'m"}));
  EXPECT_EQ(pre_tokenize(PrePattern::gpt2, "WE'LL"), (Pieces{"WE", "'", "LL"}));
  EXPECT_EQ(pre_tokenize(PrePattern::gpt2, "'x"), (Pieces{"'", "x"}));
}

TEST(PreTokenizer, gpt2_knows_letters_and_numbers_of_other_scripts) {
  EXPECT_EQ(pre_tokenize(PrePattern::gpt2, "нещо 你好 ½x"), (Pieces{"нещо", " 你好", " ½", "x"}));
}

TEST(PreTokenizer, standard_cuts_punctuation_and_groups_of_three_digits) {
  EXPECT_EQ(pre_tokenize(PrePattern::standard, "a+b 12345."),
            (Pieces{"a", "+", "b", " ", "123", "45", "."}));
}

TEST(PreTokenizer, llama3_takes_three_digits_and_qwen2_one) {
  EXPECT_EQ(pre_tokenize(PrePattern::llama3, "x 12345"), (Pieces{"x", " ", "123", "45"}));
  EXPECT_EQ(pre_tokenize(PrePattern::qwen2, "123"), (Pieces{"1", "2", "3"}));
}

TEST(PreTokenizer, llama3_keeps_a_symbol_with_letters_and_line_breaks_with_symbols) {
  EXPECT_EQ(pre_tokenize(PrePattern::llama3, "(a) WE'LL\n\n  b"),
            (Pieces{"(a", ")", " WE", "'LL", "\n\n", " ", " b"}));
  EXPECT_EQ(pre_tokenize(PrePattern::llama3, "};\n\nx"), (Pieces{"};\n\n", "x"}));
}

TEST(PreTokenizer, loses_no_byte_of_text_that_is_not_utf8) {
  const std::string text = "a\xff\xfe b\xc3";
  for (const PrePattern pattern :
       {PrePattern::gpt2, PrePattern::standard, PrePattern::llama3, PrePattern::qwen2}) {
    std::string joined;
    for (const std::string_view piece : pre_tokenize(pattern, text)) joined += piece;
    EXPECT_EQ(joined, text);
  }
}

}  // namespace
}  // namespace plinth::engine
