// SPDX-License-Identifier: Apache-2.0
// Tokenize and detokenize, in the two shapes clients know.
#include "protocol/openai_tokenize.h"

#include <gtest/gtest.h>

namespace plinth::protocol::openai {
namespace {

Json json(std::string_view text) { return MUST(Json::parse(text), "the test's own JSON"); }

TokenizeBody body_of(std::string_view text) {
  auto body = decode_tokenize(json(text));
  EXPECT_TRUE(body.is_ok()) << body.error().message;
  return body.is_ok() ? *body : TokenizeBody();
}

void expect_refused(std::string_view text, std::string_view param) {
  const auto body = decode_tokenize(json(text));
  ASSERT_TRUE(body.is_error()) << text;
  EXPECT_EQ(body.error().param, param) << body.error().message;
}

TEST(Tokenize, takes_a_text_and_begins_it_as_the_model_would) {
  const TokenizeBody body = body_of(R"({"model":"m","prompt":"hi"})");
  EXPECT_EQ(body.chat.model, "m");
  EXPECT_EQ(body.chat.prompt->text, "hi");
  EXPECT_TRUE(body.is_special_added);
  EXPECT_FALSE(body.is_special_parsed);
  EXPECT_FALSE(body_of(R"({"prompt":"hi","add_special_tokens":false})").is_special_added);
  EXPECT_EQ(encode_tokenized(body, {4, 5}, {"h", "i"}, 512).dump(),
            R"({"count":2,"max_model_len":512,"tokens":[4,5],"token_strs":null})");
  const TokenizeBody with_texts = body_of(R"({"prompt":"hi","return_token_strs":true})");
  EXPECT_EQ(encode_tokenized(with_texts, {4, 5}, {"h", "i"}, 512)["token_strs"].dump(),
            R"(["h","i"])");
}

TEST(Tokenize, takes_llama_cpps_content_which_begins_nowhere) {
  const TokenizeBody body = body_of(R"({"content":"hi","parse_special":true})");
  EXPECT_FALSE(body.is_special_added);
  EXPECT_TRUE(body.is_special_parsed);
  EXPECT_EQ(encode_tokenized(body, {4}, {"hi"}, 512).dump(), R"({"tokens":[4]})");
  EXPECT_TRUE(body_of(R"({"content":"hi","add_special":true})").is_special_added);
  const TokenizeBody pieces = body_of(R"({"content":"hi","with_pieces":true})");
  EXPECT_EQ(encode_tokenized(pieces, {4, 5}, {"h", "\xc3"}, 512).dump(),
            R"({"tokens":[{"id":4,"piece":"h"},{"id":5,"piece":[195]}]})");
}

TEST(Tokenize, takes_a_conversation_and_leaves_its_special_tokens_to_the_template) {
  const std::string messages = R"("messages":[{"role":"user","content":"hi"}])";
  const TokenizeBody body = body_of("{" + messages + R"(,"add_special_tokens":false})");
  EXPECT_EQ(body.chat.messages.size(), 1u);
  EXPECT_FALSE(body.chat.prompt);
  expect_refused("{" + messages + R"(,"add_special_tokens":true})", "add_special_tokens");
  expect_refused("{" + messages + R"(,"add_generation_prompt":false})", "add_generation_prompt");
  expect_refused("{" + messages + R"(,"continue_final_message":true})", "continue_final_message");
  expect_refused("{" + messages + R"(,"chat_template":"x"})", "chat_template");
  expect_refused(R"({"messages":[]})", "messages");
}

TEST(Tokenize, takes_exactly_one_of_three) {
  expect_refused("{}", "prompt");
  expect_refused(R"({"prompt":"a","content":"b"})", "prompt");
  expect_refused(R"({"prompt":7})", "prompt");
  expect_refused(R"({"content":7})", "content");
}

TEST(Detokenize, reads_tokens_and_answers_by_both_names) {
  const auto body = MUST(decode_detokenize(json(R"({"model":"m","tokens":[1,2]})")), "a body");
  EXPECT_EQ(body.tokens, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(encode_detokenized("hi").dump(), R"({"prompt":"hi","content":"hi"})");
  EXPECT_EQ(decode_detokenize(json("{}")).error().param, "tokens");
  EXPECT_EQ(decode_detokenize(json(R"({"tokens":[1,-1]})")).error().param, "tokens[1]");
  EXPECT_EQ(decode_detokenize(json(R"({"tokens":["a"]})")).error().param, "tokens[0]");
}

}  // namespace
}  // namespace plinth::protocol::openai
