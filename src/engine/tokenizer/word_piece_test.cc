// SPDX-License-Identifier: Apache-2.0
// Words as BERT's tokenizer cuts them, and their longest tokens.
#include "engine/tokenizer/word_piece.h"

#include <gtest/gtest.h>

#include "engine/gguf/parse.h"
#include "engine/testing/gguf_writer.h"
#include "engine/tokenizer/tokenizer.h"

namespace plinth::engine {
namespace {

using Words = std::vector<std::string>;
using Tokens = std::vector<Token>;

class WordPieceModel : public ::testing::Test {
 protected:
  explicit WordPieceModel(bool is_lower_cased = true) {
    testing::GgufWriter writer;
    writer.add_string("tokenizer.ggml.model", "bert");
    writer.add_strings("tokenizer.ggml.tokens",
                       {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "\xe2\x96\x81un", "\xe2\x96\x81unable",
                        "able", "a", "\xe2\x96\x81!", "ff", "\xe2\x96\x81你", "\xe2\x96\x81"});
    writer.add_i32s("tokenizer.ggml.token_type", {3, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1});
    if (!is_lower_cased) writer.add_bool("tokenizer.ggml.normalizer.lowercase", false);
    bytes_ = writer.build();
    const auto contents = gguf::parse(bytes_);
    tokenizer_ = std::move(Tokenizer::read(contents.value()).value());
    model_ = WordPiece::read(contents.value(), tokenizer_->vocabulary()).value();
  }
  Tokens encode(std::string_view text) const { return tokenizer_->encode(text, false, false); }

  std::string bytes_;
  std::unique_ptr<Tokenizer> tokenizer_;
  WordPiece model_;
};

class CasedWordPiece : public WordPieceModel {
 protected:
  CasedWordPiece() : WordPieceModel(false) {}
};

TEST_F(WordPieceModel, cuts_words_at_white_space_punctuation_and_ideographs) {
  EXPECT_EQ(model_.words(" Hello,\tworld!\n"), (Words{"hello", ",", "world", "!"}));
  EXPECT_EQ(model_.words("a我b想\u3000c"), (Words{"a", "我", "b", "想", "c"}));
  EXPECT_EQ(model_.words("x$y€z"), (Words{"x", "$", "y€z"}));  // of symbols only those of ASCII
  EXPECT_EQ(model_.words("«a»\u00a0b"), (Words{"«", "a", "»", "b"}));
  EXPECT_EQ(model_.words(""), Words());
}

TEST_F(WordPieceModel, strips_accents_and_lowers_case) {
  EXPECT_EQ(model_.words("Äpfel Cửa ÀÉ"), (Words{"apfel", "cua", "ae"}));
  EXPECT_EQ(model_.words("İi\u0307"), Words{"ii"});
  EXPECT_EQ(model_.words("e\u0301\u0323"), Words{"e"});
  EXPECT_EQ(model_.words("한"), Words{"\u1112\u1161\u11ab"});  // decomposed, as in training
}

TEST_F(CasedWordPiece, keeps_case_and_accents) { EXPECT_EQ(model_.words("Äpfel"), Words{"Äpfel"}); }

TEST_F(WordPieceModel, drops_controls_and_what_is_no_utf8) {
  EXPECT_EQ(model_.words(std::string("a\0b\x01\xff\u200d\ufffd", 11)), Words{"ab"});
}

TEST_F(WordPieceModel, takes_the_longest_token_first_and_gives_up_on_a_whole_word) {
  EXPECT_EQ(encode("unable"), Tokens{5});
  EXPECT_EQ(encode("Unaffable"), (Tokens{4, 7, 9, 6}));
  EXPECT_EQ(encode("unx"), Tokens{1});
  EXPECT_EQ(encode("un!"), (Tokens{4, 8}));
  EXPECT_EQ(encode("你unable"), (Tokens{10, 5}));
  EXPECT_EQ(tokenizer_->decode({4, 7, 9, 6, 8}), "unaffable !");
}

TEST_F(WordPieceModel, puts_a_text_between_its_two_marks) {
  EXPECT_EQ(tokenizer_->encode("un", true, false), (Tokens{2, 4, 3}));
  EXPECT_EQ(tokenizer_->encode("", true, false), (Tokens{2, 3}));
  EXPECT_EQ(tokenizer_->encode("un[SEP]un", false, true), (Tokens{4, 3, 4}));
}

TEST_F(WordPieceModel, calls_a_word_of_more_than_100_characters_unknown) {
  EXPECT_EQ(encode("un" + std::string(98, 'a')).size(), 99u);
  EXPECT_EQ(encode("un" + std::string(99, 'a')), Tokens{1});
}

}  // namespace
}  // namespace plinth::engine
