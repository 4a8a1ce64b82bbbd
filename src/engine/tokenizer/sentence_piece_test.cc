// SPDX-License-Identifier: Apache-2.0
// What files may ask of a SentencePiece vocabulary: spaces, bytes, and phi-3's added tokens.
#include "engine/tokenizer/sentence_piece.h"

#include <gtest/gtest.h>

#include "engine/gguf/parse.h"
#include "engine/testing/gguf_writer.h"
#include "engine/tokenizer/tokenizer.h"

namespace plinth::engine {
namespace {

using Tokens = std::vector<Token>;
using testing::GgufWriter;

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

// Ids: <unk> 0, <s> 1, </s> 2, bytes from 3, then these from 259.
enum : Token { kMark = 259, kA, kB, kMarkA, kMarkMark, kEnd, kUser };

std::unique_ptr<Tokenizer> tokenizer_of(GgufWriter writer) {
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<int32_t> kinds = {2, 3, 3};
  for (unsigned byte = 0; byte < 256; ++byte) {
    tokens.push_back(std::string("<0x") + kHexDigits[byte >> 4] + kHexDigits[byte & 15] + ">");
    kinds.push_back(6);
  }
  const std::string mark = "\xe2\x96\x81";
  for (const std::string& text :
       {mark, std::string("a"), std::string("b"), mark + "a", mark + mark}) {
    tokens.push_back(text);
    kinds.push_back(1);
  }
  tokens.insert(tokens.end(), {"<|end|>", "<|user|>"});
  kinds.insert(kinds.end(), {3, 4});
  std::vector<float> scores(tokens.size(), 0);
  scores[kMarkA] = -1;
  scores[kMarkMark] = -2;
  writer.add_string("tokenizer.ggml.model", "llama");
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  writer.add_i32s("tokenizer.ggml.token_type", kinds);
  writer.add_floats("tokenizer.ggml.scores", scores);
  writer.add_u32("tokenizer.ggml.bos_token_id", 1);
  writer.add_u32("tokenizer.ggml.eos_token_id", 2);
  const std::string bytes = writer.build();
  const auto contents = gguf::parse(bytes);
  return std::move(Tokenizer::read(contents.value()).value());
}

TEST(SentencePiece, puts_a_space_before_a_text_unless_the_file_says_no) {
  EXPECT_EQ(tokenizer_of({})->encode("a", true, false), (Tokens{1, kMarkA}));
  GgufWriter writer;
  writer.add_bool("tokenizer.ggml.add_space_prefix", false);
  const auto without = tokenizer_of(writer);
  EXPECT_EQ(without->encode("a", true, false), (Tokens{1, kA}));
  EXPECT_EQ(without->encode(" a", true, false), (Tokens{1, kMarkA}));
  EXPECT_EQ(without->decode({kMarkA}), " a");
}

TEST(SentencePiece, spells_what_is_no_token_in_bytes) {
  EXPECT_EQ(tokenizer_of({})->encode("aé", false, false), (Tokens{kMarkA, 3 + 0xc3, 3 + 0xa9}));
  EXPECT_EQ(tokenizer_of({})->decode({kMarkA, 3 + 0xc3, 3 + 0xa9}), "aé");
}

TEST(SentencePiece, begins_and_ends_a_text_as_the_file_asks) {
  GgufWriter writer;
  writer.add_bool("tokenizer.ggml.add_bos_token", false);
  writer.add_bool("tokenizer.ggml.add_eos_token", true);
  EXPECT_EQ(tokenizer_of(writer)->encode("a", true, false), (Tokens{kMarkA, 2}));
}

TEST(SentencePiece, drops_extra_spaces_where_the_file_asks) {
  EXPECT_EQ(tokenizer_of({})->encode("a  b ", false, false),
            (Tokens{kMarkA, kMarkMark, kB, kMark}));
  GgufWriter writer;
  writer.add_bool("tokenizer.ggml.remove_extra_whitespaces", true);
  EXPECT_EQ(tokenizer_of(writer)->encode("  a  b ", false, false), (Tokens{kMarkA, kMark, kB}));
  EXPECT_EQ(tokenizer_of(writer)->encode("   ", false, false), Tokens());
}

TEST(SentencePiece, lets_phi3_tokens_take_the_white_space_behind_them) {
  GgufWriter writer;
  writer.add_string("general.architecture", "phi3");
  const auto phi3 = tokenizer_of(writer);
  EXPECT_EQ(phi3->encode("<|user|> \n a<|end|>\n", true, true), (Tokens{1, kUser, kMarkA, kEnd}));
  EXPECT_EQ(phi3->encode("<s> a", false, true), (Tokens{1, kMark, kMarkA}));
  EXPECT_EQ(tokenizer_of({})->encode("<|user|>\na", false, false),
            (Tokens{kUser, kMark, 3 + '\n', kA}));
}

TEST(SentencePiece, finds_user_defined_tokens_in_any_text_and_control_tokens_when_asked) {
  const auto tokenizer = tokenizer_of({});
  EXPECT_EQ(tokenizer->encode("a<|user|>a", false, false), (Tokens{kMarkA, kUser, kMarkA}));
  EXPECT_EQ(tokenizer->encode("a<|end|>", false, true), (Tokens{kMarkA, kEnd}));
  EXPECT_GT(tokenizer->encode("a<|end|>", false, false).size(), 2u);
}

}  // namespace
}  // namespace plinth::engine
