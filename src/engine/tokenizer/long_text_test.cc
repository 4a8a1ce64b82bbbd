// SPDX-License-Identifier: Apache-2.0
// Texts made to be slow: the time must not grow with the square of their length. A tokenizer that
// did would need far longer than is allowed here; the slow suite has texts of 1 MiB.
#include <gtest/gtest.h>

#include <chrono>

#include "engine/gguf/parse.h"
#include "engine/testing/gguf_writer.h"
#include "engine/testing/tiny_model.h"
#include "engine/tokenizer/pre_tokenizer.h"
#include "engine/tokenizer/tokenizer.h"

namespace plinth::engine {
namespace {

constexpr size_t kBytes = 64u << 10;
constexpr auto kTimeMax = std::chrono::seconds(5);  // unoptimised, under sanitizers, beside others

std::string repeated(std::string_view unit) {
  std::string text;
  while (text.size() < kBytes) text += unit;
  return text;
}

const std::vector<std::string>& hard_texts() {
  static const std::vector<std::string> texts = {
      repeated("a"),
      repeated(" "),
      repeated("\n"),
      repeated(" \n"),
      repeated("\xff"),
      repeated("'"),
      repeated("1"),
      repeated("<"),
      repeated("\u0301"),
      repeated("\u3042A"),
      repeated("\u0301\u0323"),
      repeated("aA"),
      repeated("/\r\n"),
      repeated(" \u3000"),
      "a" + repeated(" ") + "b",
  };
  return texts;
}

template <typename Work>
void expect_quick(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kTimeMax);
}

std::unique_ptr<Tokenizer> read(const std::string& bytes) {
  const auto contents = gguf::parse(bytes);
  return std::move(Tokenizer::read(contents.value()).value());
}

// SentencePiece and WordPiece over the same few texts, each doubled token being one too.
std::string doubling_vocabulary(const std::string& model) {
  std::vector<std::string> tokens = {"<unk>"};
  std::vector<int32_t> kinds = {2};
  std::vector<float> scores = {0};
  for (const std::string unit : {"a", "\xe2\x96\x81", "<"}) {
    for (std::string text = unit; text.size() <= 256; text += text) {
      tokens.push_back(text);
      kinds.push_back(1);
      scores.push_back(-static_cast<float>(tokens.size()));
    }
  }
  for (int i = 0; i < 5000; ++i) {
    tokens.push_back("<<unused" + std::to_string(i) + ">>");
    kinds.push_back(4);
    scores.push_back(0);
  }
  testing::GgufWriter writer;
  writer.add_string("tokenizer.ggml.model", model);
  writer.add_strings("tokenizer.ggml.tokens", tokens);
  writer.add_i32s("tokenizer.ggml.token_type", kinds);
  writer.add_floats("tokenizer.ggml.scores", scores);
  writer.add_u32("tokenizer.ggml.unknown_token_id", 0);
  return writer.build();
}

TEST(LongText, is_cut_by_every_pattern_in_time) {
  for (const PreTokenizerRow& row : pre_tokenizer_table()) {
    static std::vector<PrePattern> seen;
    if (std::find(seen.begin(), seen.end(), row.pattern) != seen.end()) continue;
    seen.push_back(row.pattern);
    SCOPED_TRACE(row.name);
    for (const std::string& text : hard_texts()) {
      expect_quick([&] {
        size_t bytes = 0;
        for (const std::string_view piece : pre_tokenize(row.pattern, text)) bytes += piece.size();
        EXPECT_EQ(bytes, text.size());
      });
    }
  }
}

TEST(LongText, is_tokenized_by_every_model_in_time) {
  for (const std::string& bytes :
       {testing::tiny_model_bytes({}), doubling_vocabulary("llama"), doubling_vocabulary("bert")}) {
    const auto tokenizer = read(bytes);
    for (const std::string& text : {repeated("a"), repeated(" "), repeated("l"), repeated("<"),
                                    repeated("a "), repeated("\u0301")}) {
      expect_quick([&] {
        const auto tokens = tokenizer->encode(text, false, true);
        tokenizer->decode(tokens);
      });
    }
  }
}

// Half the text is a token that the template may or may not name.
TEST(LongText, of_a_message_full_of_special_tokens_is_tokenized_in_time) {
  const auto tokenizer = read(testing::tiny_model_bytes({}));
  const std::string text = repeated("<tool_call>");
  const std::string foreign(text.size(), '\1');
  const std::string source(100000, 'x');
  expect_quick([&] { tokenizer->encode_rendered(text, foreign, source); });
}

}  // namespace
}  // namespace plinth::engine
