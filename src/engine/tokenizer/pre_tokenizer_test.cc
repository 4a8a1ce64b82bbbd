// SPDX-License-Identifier: Apache-2.0
// Pieces as the patterns cut them, checked against what their regular expressions match.
#include "engine/tokenizer/pre_tokenizer.h"

#include <gtest/gtest.h>

#include <set>
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

TEST(PreTokenizer, qwen35_counts_marks_as_letters) {
  EXPECT_EQ(pre_tokenize(PrePattern::qwen35, "a\u0301b"), Pieces{"a\u0301b"});
  EXPECT_EQ(pre_tokenize(PrePattern::qwen2, "a\u0301b"), (Pieces{"a", "\u0301b"}));
}

TEST(PreTokenizer, gpt4o_cuts_where_upper_case_follows_lower_case) {
  EXPECT_EQ(pre_tokenize(PrePattern::gpt4o, "fooBar FOOBar's I'LL"),
            (Pieces{"foo", "Bar", " FOOBar's", " I'LL"}));
  EXPECT_EQ(pre_tokenize(PrePattern::gpt4o, "12345 a/\n/b"),
            (Pieces{"123", "45", " a", "/\n/", "b"}));
}

TEST(PreTokenizer, gpt4o_gives_back_upper_case_up_to_the_last_caseless_letter) {
  EXPECT_EQ(pre_tokenize(PrePattern::gpt4o, "AあBC"), (Pieces{"Aあ", "BC"}));
  EXPECT_EQ(pre_tokenize(PrePattern::gpt4o, "ABC"), Pieces{"ABC"});
}

TEST(PreTokenizer, tekken_has_no_contractions_and_takes_one_digit) {
  EXPECT_EQ(pre_tokenize(PrePattern::tekken, "I'll 12"), (Pieces{"I", "'ll", " ", "1", "2"}));
}

TEST(PreTokenizer, smollm_cuts_digits_first_and_falcon_punctuation) {
  EXPECT_EQ(pre_tokenize(PrePattern::digits_then_gpt2, "a 12 b"),
            (Pieces{"a", " ", "1", "2", " b"}));
  EXPECT_EQ(pre_tokenize(PrePattern::falcon, "a`b 1234"), (Pieces{"a", "`", "b", " ", "123", "4"}));
}

TEST(PreTokenizer, deepseek_cuts_scripts_apart) {
  EXPECT_EQ(pre_tokenize(PrePattern::deepseek_llm, "a b,c\n我想 12"),
            (Pieces{"a", " b", ",", "c", "\n", "我想", " ", "12"}));
  EXPECT_EQ(pre_tokenize(PrePattern::deepseek_llm, "naïve "), (Pieces{"na", "ï", "ve", " "}));
  EXPECT_EQ(pre_tokenize(PrePattern::deepseek_coder, " x+y 12"),
            (Pieces{" x", "+", "y", " ", "1", "2"}));
  EXPECT_EQ(pre_tokenize(PrePattern::deepseek3, "1234x_name _a 我a é!\n"),
            (Pieces{"123", "4", "x", "_name", " _", "a", " ", "我", "a", " é", "!\n"}));
}

TEST(PreTokenizer, table_has_each_name_once) {
  std::set<std::string_view> names;
  for (const PreTokenizerRow& row : pre_tokenizer_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(find_pre_tokenizer(row.name), &row);
  }
  EXPECT_EQ(find_pre_tokenizer("another"), nullptr);
}

TEST(PreTokenizer, loses_no_byte_of_text_that_is_not_utf8) {
  const std::string text = "a\xff\xfe b\xc3";
  for (const PreTokenizerRow& row : pre_tokenizer_table()) {
    std::string joined;
    for (const std::string_view piece : pre_tokenize(row.pattern, text)) joined += piece;
    EXPECT_EQ(joined, text) << row.name;
  }
}

}  // namespace
}  // namespace plinth::engine
