// SPDX-License-Identifier: Apache-2.0
// Decoding what Ollama's clients send, and every way they get it wrong.
#include "protocol/ollama.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace plinth::protocol::ollama {
namespace {

Json json(std::string_view text) { return MUST(Json::parse(text), "the test's own JSON"); }

Json body_with(std::string_view members) {
  return json(R"({"model":"m")" + (members.empty() ? "" : "," + std::string(members)) + "}");
}

ChatCall chat_of(std::string_view members) {
  auto call = decode_chat(body_with(members));
  EXPECT_TRUE(call.is_ok()) << call.error().message;
  return call.is_ok() ? *call : ChatCall();
}

ChatCall generate_of(std::string_view members) {
  auto call = decode_generate(body_with(members));
  EXPECT_TRUE(call.is_ok()) << call.error().message;
  return call.is_ok() ? *call : ChatCall();
}

template <typename T>
void expect_refused(const Result<T>& decoded, std::string_view param,
                    std::string_view part_of_message = {}) {
  ASSERT_TRUE(decoded.is_error()) << param;
  EXPECT_EQ(decoded.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(decoded.error().param, param) << decoded.error().message;
  EXPECT_TRUE(decoded.error().message.starts_with(param)) << decoded.error().message;
  EXPECT_NE(decoded.error().message.find(part_of_message), std::string::npos)
      << decoded.error().message;
}

TEST(OllamaChat, streams_unless_told_otherwise) {
  const ChatCall call = chat_of(R"("messages":[{"role":"user","content":"hi"}])");
  EXPECT_TRUE(call.is_stream);
  EXPECT_EQ(call.request.model, "m");
  ASSERT_EQ(call.request.messages.size(), 1u);
  EXPECT_EQ(call.request.messages[0].content, "hi");
  EXPECT_FALSE(chat_of(R"("messages":[],"stream":false)").is_stream);
  EXPECT_TRUE(chat_of("").request.messages.empty());
}

TEST(OllamaChat, reads_its_options) {
  const ChatRequest request = chat_of(R"("options":{"temperature":0.5,"top_p":0.9,"top_k":5,
      "min_p":0.1,"seed":7,"num_predict":6,"stop":["a","b"],"repeat_penalty":1.1,
      "presence_penalty":1,"frequency_penalty":-1,"num_ctx":4096,"mirostat":0},
      "keep_alive":"5m","think":false)")
                                  .request;
  EXPECT_EQ(request.sampling.temperature, 0.5);
  EXPECT_EQ(request.sampling.top_p, 0.9);
  EXPECT_EQ(request.sampling.top_k, 5);
  EXPECT_EQ(request.sampling.min_p, 0.1);
  EXPECT_EQ(request.sampling.seed, 7);
  EXPECT_EQ(request.sampling.repetition_penalty, 1.1);
  EXPECT_EQ(request.sampling.presence_penalty, 1);
  EXPECT_EQ(request.sampling.frequency_penalty, -1);
  EXPECT_EQ(request.max_tokens, 6);
  EXPECT_EQ(request.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(chat_of(R"("options":{"stop":"x"})").request.stop, std::vector<std::string>{"x"});
  const ChatRequest open = chat_of(R"("options":{"num_predict":-1,"seed":-1})").request;
  EXPECT_EQ(open.max_tokens, std::nullopt);
  EXPECT_EQ(open.sampling.seed, std::nullopt);
}

TEST(OllamaChat, reads_the_format_of_the_reply) {
  EXPECT_FALSE(chat_of(R"("format":"")").request.reply_format);
  const auto any = chat_of(R"("format":"json")").request.reply_format;
  ASSERT_TRUE(any);
  EXPECT_FALSE(any->schema);
  const auto schema = chat_of(R"("format":{"type":"array"})").request.reply_format;
  ASSERT_TRUE(schema && schema->schema);
  EXPECT_EQ((*schema->schema)["type"], Json("array"));
  expect_refused(decode_chat(body_with(R"("format":"yaml")")), "format", "'yaml'");
  expect_refused(decode_chat(body_with(R"("format":7)")), "format");
}

TEST(OllamaChat, joins_tool_messages_to_the_calls_they_answer) {
  const ChatRequest request = chat_of(R"("messages":[
      {"role":"user","content":"?"},
      {"role":"assistant","content":"","tool_calls":[
        {"function":{"name":"time","arguments":{}}},
        {"function":{"name":"weather","arguments":{"city":"Paris"}}},
        {"id":"call_x","function":{"name":"date"}}]},
      {"role":"tool","tool_name":"weather","content":"21"},
      {"role":"tool","tool_call_id":"call_x","content":"today"},
      {"role":"tool","content":"noon"},
      {"role":"tool","content":"what?"}],
      "tools":[{"type":"function","function":{"name":"time","parameters":{"type":"object"}}}])")
                                  .request;
  ASSERT_EQ(request.messages.size(), 6u);
  const auto& calls = request.messages[1].tool_calls;
  ASSERT_EQ(calls.size(), 3u);
  EXPECT_EQ(calls[0].id, "call_0");
  EXPECT_EQ(calls[1].id, "call_1");
  EXPECT_EQ(calls[1].arguments, R"({"city":"Paris"})");
  EXPECT_EQ(calls[2].id, "call_x");
  EXPECT_EQ(calls[2].arguments, "{}");
  EXPECT_EQ(request.messages[2].tool_call_id, "call_1");
  EXPECT_EQ(request.messages[3].name, "date");
  EXPECT_EQ(request.messages[4].tool_call_id, "call_0");
  EXPECT_EQ(request.messages[4].name, "time");
  EXPECT_EQ(request.messages[5].tool_call_id, "");
  ASSERT_EQ(request.tools.size(), 1u);
  EXPECT_EQ(request.tools[0].name, "time");
}

TEST(OllamaChat, names_the_field_at_fault) {
  const auto refuse = [](std::string_view members, std::string_view param,
                         std::string_view part = {}) {
    expect_refused(decode_chat(body_with(members)), param, part);
  };
  expect_refused(decode_chat(json("{}")), "model");
  expect_refused(decode_chat(json(R"({"model":""})")), "model");
  refuse(R"("messages":{})", "messages");
  refuse(R"("messages":[1])", "messages[0]");
  refuse(R"("messages":[{"role":"zzz"}])", "messages[0].role", "'zzz'");
  refuse(R"("messages":[{"role":"user","content":7}])", "messages[0].content");
  refuse(R"("messages":[{"role":"user","content":"x","images":["AAAA"]}])", "messages[0].images");
  refuse(R"("messages":[{"role":"user","tool_calls":[{}]}])", "messages[0].tool_calls");
  refuse(R"("messages":[{"role":"assistant","tool_calls":[{}]}])",
         "messages[0].tool_calls[0].function");
  refuse(R"("messages":[{"role":"assistant","tool_calls":[{"function":{"name":""}}]}])",
         "messages[0].tool_calls[0].function.name");
  refuse(R"("messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f",
            "arguments":"{}"}}]}])",
         "messages[0].tool_calls[0].function.arguments");
  refuse(R"("think":true)", "think");
  refuse(R"("options":[])", "options");
  refuse(R"("options":{"temperature":"warm"})", "options.temperature");
  refuse(R"("options":{"stop":[""]})", "options.stop[0]");
  refuse(R"("tools":[{"type":"x"}])", "tools[0].type");
  refuse(R"("stream":1)", "stream");
  std::string many;
  for (size_t i = 0; i <= limits::kMessagesMax; ++i) {
    many += std::string(many.empty() ? "" : ",") + R"({"role":"user","content":"x"})";
  }
  refuse(R"("messages":[)" + many + "]", "messages", "at most");
  EXPECT_TRUE(decode_chat(json("[]")).is_error());
}

TEST(OllamaGenerate, is_a_conversation_or_plain_text) {
  const ChatRequest templated = generate_of(R"("prompt":"hi","system":"be kind")").request;
  ASSERT_EQ(templated.messages.size(), 2u);
  EXPECT_EQ(templated.messages[0].role, Role::system);
  EXPECT_EQ(templated.messages[1].content, "hi");
  EXPECT_FALSE(templated.prompt);
  const ChatRequest raw = generate_of(R"("prompt":"hi","raw":true)").request;
  EXPECT_TRUE(raw.messages.empty());
  ASSERT_TRUE(raw.prompt);
  EXPECT_EQ(raw.prompt->text, "hi");
  const ChatRequest none = generate_of(R"("prompt":"","context":[],"suffix":"")").request;
  EXPECT_TRUE(none.messages.empty() && !none.prompt);
}

TEST(OllamaGenerate, refuses_what_would_make_another_prompt) {
  for (const char* key : {"suffix", "template"}) {
    expect_refused(
        decode_generate(body_with("\"prompt\":\"x\",\"" + std::string(key) + "\":\"y\"")), key);
  }
  expect_refused(decode_generate(body_with(R"("prompt":"x","context":[1,2])")), "context");
  expect_refused(decode_generate(body_with(R"("prompt":"x","images":["AAAA"])")), "images");
  expect_refused(decode_generate(body_with(R"("prompt":7)")), "prompt");
}

TEST(OllamaEmbed, reads_one_text_or_several) {
  EXPECT_EQ(decode_embed(body_with(R"("input":"a")"))->inputs, std::vector<std::string>{"a"});
  EXPECT_EQ(decode_embed(body_with(R"("input":["a","b"],"truncate":true)"))->inputs.size(), 2u);
  EXPECT_EQ(decode_embeddings(body_with(R"("prompt":"a")"))->inputs, std::vector<std::string>{"a"});
  expect_refused(decode_embed(body_with("")), "input");
  expect_refused(decode_embed(body_with(R"("input":[])")), "input");
  expect_refused(decode_embed(body_with(R"("input":["a",1])")), "input[1]");
  expect_refused(decode_embed(body_with(R"("input":"a","dimensions":8)")), "dimensions");
  expect_refused(decode_embeddings(body_with("")), "prompt");
}

TEST(OllamaNames, latest_is_the_tag_of_a_name_without_one) {
  EXPECT_EQ(other_name("m"), "m:latest");
  EXPECT_EQ(other_name("m:latest"), "m");
  EXPECT_EQ(*decode_show(json(R"({"name":"m"})")), "m");
  EXPECT_EQ(*decode_show(json(R"({"model":"m"})")), "m");
}

}  // namespace
}  // namespace plinth::protocol::ollama
