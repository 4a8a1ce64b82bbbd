// SPDX-License-Identifier: Apache-2.0
// Tokens of the tiny vocabulary, and conformance with the tokenizers of known models.
#include "engine/tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "engine/gguf/file.h"
#include "engine/gguf/parse.h"
#include "engine/testing/gguf_writer.h"
#include "engine/testing/shared_files.h"
#include "engine/testing/tiny_model.h"

namespace plinth::engine {
namespace {

class TinyTokenizer : public ::testing::Test {
 protected:
  TinyTokenizer() : bytes_(testing::tiny_model_bytes({})) {
    const auto contents = gguf::parse(bytes_);
    tokenizer_ = std::move(Tokenizer::read(contents.value()).value());
  }
  Token token(std::string_view text) const { return *tokenizer_->vocabulary().find(text); }

  std::string bytes_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

using Tokens = std::vector<Token>;

TEST_F(TinyTokenizer, merges_the_first_line_first) {
  EXPECT_EQ(tokenizer_->encode("hello", true, false), Tokens{token("hello")});
  EXPECT_EQ(tokenizer_->encode("hell", true, false), Tokens{token("hell")});
  EXPECT_EQ(tokenizer_->encode("lll", true, false), (Tokens{token("ll"), token("l")}));
  EXPECT_EQ(tokenizer_->encode("he w", true, false), (Tokens{token("he"), token("\xc4\xa0w")}));
}

TEST_F(TinyTokenizer, forms_control_tokens_from_text_only_when_asked) {
  EXPECT_EQ(tokenizer_->encode("<|end|>", true, true), Tokens{token("<|end|>")});
  const Tokens plain = tokenizer_->encode("<|end|>", true, false);
  EXPECT_EQ(plain.size(), 7u);
  EXPECT_EQ(tokenizer_->decode(plain), "<|end|>");
}

TEST_F(TinyTokenizer, forms_user_defined_tokens_always) {
  EXPECT_EQ(tokenizer_->encode("a<tool_call>", true, false),
            (Tokens{token("a"), token("<tool_call>")}));
}

TEST_F(TinyTokenizer, does_not_form_special_tokens_where_a_foreign_byte_takes_part) {
  const std::string text = "<|user|><|end|><tool_call>";
  std::string foreign(text.size(), '\0');
  const auto count = [&](std::string_view protected_text) {
    return tokenizer_->encode_rendered(text, foreign, protected_text).size();
  };
  EXPECT_EQ(count(""), 3u);
  foreign[10] = '\1';  // inside <|end|>
  EXPECT_EQ(count(""), 2u + 7u);
  foreign[text.size() - 1] = '\1';  // the end of <tool_call>, which the template names or not
  EXPECT_EQ(count(""), 2u + 7u);
  EXPECT_EQ(count("… <tool_call> …"), 1u + 7u + 10u);  // "ll" is one token
}

TEST_F(TinyTokenizer, merges_across_the_border_of_template_and_foreign_text) {
  EXPECT_EQ(tokenizer_->encode_rendered("hello", std::string("\0\0\1\1\1", 5), ""),
            Tokens{token("hello")});
}

TEST_F(TinyTokenizer, gives_back_any_bytes) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  EXPECT_EQ(tokenizer_->decode(tokenizer_->encode(bytes, false, false)), bytes);
}

TEST_F(TinyTokenizer, knows_the_end_token_by_its_role_and_by_its_text) {
  EXPECT_TRUE(tokenizer_->vocabulary().is_end(token("<|end|>")));
  EXPECT_FALSE(tokenizer_->vocabulary().is_end(token("<|user|>")));
  EXPECT_EQ(tokenizer_->piece(token("<|end|>")), "");
  EXPECT_EQ(tokenizer_->piece(token("<tool_call>")), "<tool_call>");
}

TEST(Tokenizer, refuses_files_whose_tokenizer_it_does_not_know) {
  testing::GgufWriter writer;
  writer.add_strings("tokenizer.ggml.tokens", {"a"});
  writer.add_string("tokenizer.ggml.model", "t5");
  const std::string bytes = writer.build();
  const auto contents = gguf::parse(bytes);
  const auto tokenizer = Tokenizer::read(contents.value());
  ASSERT_TRUE(tokenizer.is_error());
  EXPECT_EQ(tokenizer.error().code, ErrorCode::unsupported);
  EXPECT_NE(tokenizer.error().message.find("\"t5\""), std::string::npos);
}

TEST(Tokenizer, refuses_a_special_token_outside_the_vocabulary) {
  testing::GgufWriter writer;
  writer.add_strings("tokenizer.ggml.tokens", {"a"});
  writer.add_u32("tokenizer.ggml.eos_token_id", 1);
  const std::string bytes = writer.build();
  const auto contents = gguf::parse(bytes);
  EXPECT_EQ(Tokenizer::read(contents.value()).error().code, ErrorCode::malformed);
}

TEST(Tokenizer, does_not_end_a_reply_between_the_messages_of_a_model_that_returns_or_calls) {
  testing::GgufWriter writer;
  writer.add_strings("tokenizer.ggml.tokens", {"a", "<|end|>", "<|return|>", "<|call|>"});
  writer.add_i32s("tokenizer.ggml.token_type", {1, 3, 3, 3});
  const std::string bytes = writer.build();
  const auto contents = gguf::parse(bytes);
  const auto vocabulary = Vocabulary::read(contents.value());
  EXPECT_FALSE(vocabulary->is_end(1));
  EXPECT_TRUE(vocabulary->is_end(2));
  EXPECT_TRUE(vocabulary->is_end(3));
}

// Texts in NAME.inp, separated by a marker line; for each, a line of tokens in NAME.out.
enum class Decoded { is_the_text, loses_text };
void check_conformance(const std::string& name, Decoded decoded = Decoded::is_the_text) {
  const std::string path = testing::shared_path("data/tokenizers/ggml-vocab-" + name + ".gguf");
  if (!testing::is_readable(path)) GTEST_SKIP() << path << " is absent";
  const auto file = gguf::File::open(path);
  ASSERT_TRUE(file.is_ok()) << file.error().message;
  const auto tokenizer = Tokenizer::read((*file)->contents());
  ASSERT_TRUE(tokenizer.is_ok()) << tokenizer.error().message;
  const std::string inputs = testing::read_text_file(path + ".inp").value();
  std::istringstream outputs(testing::read_text_file(path + ".out").value());
  constexpr std::string_view kMarker = "\n__ggml_vocab_test__\n";
  size_t checked = 0;
  for (size_t begin = 0; begin < inputs.size(); ++checked) {
    const size_t end = inputs.find(kMarker, begin);
    if (end == std::string::npos) break;
    const std::string text = inputs.substr(begin, end - begin);
    begin = end + kMarker.size();
    std::string line;
    std::getline(outputs, line);
    std::istringstream numbers(line);
    const Tokens expected((std::istream_iterator<Token>(numbers)), {});
    const Tokens found = (*tokenizer)->encode(text, false, false);
    EXPECT_EQ(found, expected) << "text " << checked << ": " << text;
    if (decoded == Decoded::is_the_text) {
      EXPECT_EQ((*tokenizer)->decode(found), text) << checked;
    }
  }
  EXPECT_EQ(checked, 46u);
}

TEST(TokenizerConformance, gpt2) { check_conformance("gpt-2"); }
TEST(TokenizerConformance, llama_sentence_piece) { check_conformance("llama-spm"); }
TEST(TokenizerConformance, llama3_byte_level) { check_conformance("llama-bpe"); }
TEST(TokenizerConformance, phi3_sentence_piece) { check_conformance("phi-3"); }
TEST(TokenizerConformance, bert_word_piece) { check_conformance("bert-bge", Decoded::loses_text); }
TEST(TokenizerConformance, qwen2) { check_conformance("qwen2"); }

// The vocabularies of the golden models, with the tokens their prompts have.
TEST(TokenizerConformance, golden_models) {
  const std::string folder = testing::shared_path("data/golden");
  if (!testing::is_readable(folder)) GTEST_SKIP() << folder << " is absent";
  size_t checked = 0;
  for (const auto& item : std::filesystem::directory_iterator(folder)) {
    if (item.path().extension() != ".gguf") continue;
    SCOPED_TRACE(item.path().string());
    const auto file = gguf::File::open(item.path().string());
    ASSERT_TRUE(file.is_ok()) << file.error().message;
    const auto tokenizer = Tokenizer::read((*file)->contents());
    ASSERT_TRUE(tokenizer.is_ok()) << tokenizer.error().message;
    const auto golden =
        testing::read_json_file(std::filesystem::path(item.path()).replace_extension("json"));
    for (const Json& test_case : golden.value()["cases"].items()) {
      Tokens expected;
      for (const Json& token : test_case["tokens"].items()) {
        expected.push_back(static_cast<Token>(token.as_int()));
      }
      const std::string prompt = test_case["prompt"].as_string();
      EXPECT_EQ((*tokenizer)->encode(prompt, true, false), expected) << prompt;
      ++checked;
    }
  }
  EXPECT_GT(checked, 20u);
}

}  // namespace
}  // namespace plinth::engine
