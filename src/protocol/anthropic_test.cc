// SPDX-License-Identifier: Apache-2.0
// Decoding the Messages API's bodies: what clients send, and every way they get it wrong.
#include "protocol/anthropic.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace plinth::protocol::anthropic {
namespace {

Json json(std::string_view text) { return MUST(Json::parse(text), "the test's own JSON"); }

// A body with these members after model, max_tokens and messages.
Json body_with(std::string_view members) {
  return json(R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}])" +
              (members.empty() ? "" : "," + std::string(members)) + "}");
}

Json body_of(std::string_view messages) {
  return json(R"({"model":"m","max_tokens":9,"messages":)" + std::string(messages) + "}");
}

MessagesCall call_of(const Json& body) {
  auto call = decode_messages(body);
  EXPECT_TRUE(call.is_ok()) << call.error().message;
  return call.is_ok() ? *call : MessagesCall();
}

void expect_refused(const Json& body, std::string_view param,
                    std::string_view part_of_message = {}) {
  const auto call = decode_messages(body);
  ASSERT_TRUE(call.is_error()) << body.dump();
  EXPECT_EQ(call.error().code, ErrorCode::invalid_argument) << body.dump();
  EXPECT_EQ(call.error().param, param) << call.error().message;
  EXPECT_NE(call.error().message.find(part_of_message), std::string::npos) << call.error().message;
  EXPECT_TRUE(call.error().message.starts_with(param)) << call.error().message;
}

constexpr const char* kTools =
    R"("tools":[{"name":"weather","description":"d","input_schema":{"type":"object"},
                 "cache_control":{"type":"ephemeral"}},
                {"type":"custom","name":"time","input_schema":{"type":"object"}}])";

TEST(AnthropicMessages, have_defaults_for_what_is_left_out) {
  const MessagesCall call = call_of(body_with(""));
  EXPECT_FALSE(call.is_stream);
  EXPECT_FALSE(call.is_one_tool_use);
  EXPECT_EQ(call.request.model, "m");
  EXPECT_EQ(call.request.max_tokens, 9);
  ASSERT_EQ(call.request.messages.size(), 1u);
  EXPECT_EQ(call.request.messages[0].role, Role::user);
  EXPECT_EQ(call.request.messages[0].content, "hi");
  EXPECT_EQ(call.request.sampling.temperature, std::nullopt);
  EXPECT_EQ(call.request.tool_choice, ToolChoice::automatic);
  EXPECT_FALSE(call.request.reply_format);
}

TEST(AnthropicMessages, read_every_field_they_honour) {
  const MessagesCall call = call_of(body_with(
      R"("temperature":0.5,"top_p":0.9,"top_k":5,"stop_sequences":["a","b"],"stream":true,
         "metadata":{"user_id":"u"},"thinking":{"type":"disabled"},"service_tier":"auto",
         "system":[{"type":"text","text":"be kind","cache_control":{"type":"ephemeral"}},
                   {"type":"text","text":"be brief"}],
         "output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}},
         "unknown":{"x":1},"mcp_servers":[])"));
  EXPECT_TRUE(call.is_stream);
  EXPECT_EQ(call.request.sampling.temperature, 0.5);
  EXPECT_EQ(call.request.sampling.top_p, 0.9);
  EXPECT_EQ(call.request.sampling.top_k, 5);
  EXPECT_EQ(call.request.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(call.request.user, "u");
  ASSERT_EQ(call.request.messages.size(), 2u);
  EXPECT_EQ(call.request.messages[0].role, Role::system);
  EXPECT_EQ(call.request.messages[0].content, "be kind\nbe brief");
  ASSERT_TRUE(call.request.reply_format && call.request.reply_format->schema);
  EXPECT_EQ((*call.request.reply_format->schema)["type"], Json("object"));
  EXPECT_EQ(call_of(body_with(R"("system":"s")")).request.messages[0].content, "s");
  EXPECT_TRUE(call_of(body_with(R"("output_format":{"type":"json_schema","schema":{}})"))
                  .request.reply_format);
}

TEST(AnthropicMessages, read_a_conversation_with_tools) {
  const ChatRequest request = call_of(body_of(R"([
      {"role":"user","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]},
      {"role":"assistant","content":[
        {"type":"thinking","thinking":"hm","signature":"s"},
        {"type":"text","text":"let me see"},
        {"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"Paris"}},
        {"type":"tool_use","id":"toolu_2","name":"time","input":{}}]},
      {"role":"user","content":[
        {"type":"text","text":"and now?"},
        {"type":"tool_result","tool_use_id":"toolu_1","content":"21"},
        {"type":"tool_result","tool_use_id":"toolu_2","is_error":true,
         "content":[{"type":"text","text":"no"},{"type":"text","text":"clock"}]}]}])"))
                                  .request;
  ASSERT_EQ(request.messages.size(), 5u);
  EXPECT_EQ(request.messages[0].content, "one\ntwo");
  EXPECT_EQ(request.messages[1].role, Role::assistant);
  EXPECT_EQ(request.messages[1].content, "let me see");
  ASSERT_EQ(request.messages[1].tool_calls.size(), 2u);
  EXPECT_EQ(request.messages[1].tool_calls[0].id, "toolu_1");
  EXPECT_EQ(request.messages[1].tool_calls[0].name, "weather");
  EXPECT_EQ(request.messages[1].tool_calls[0].arguments, R"({"city":"Paris"})");
  EXPECT_EQ(request.messages[2].role, Role::tool);
  EXPECT_EQ(request.messages[2].tool_call_id, "toolu_1");
  EXPECT_EQ(request.messages[2].name, "weather");
  EXPECT_EQ(request.messages[2].content, "21");
  EXPECT_EQ(request.messages[3].name, "time");
  EXPECT_EQ(request.messages[3].content, "error: no\nclock");
  EXPECT_EQ(request.messages[4].role, Role::user);
  EXPECT_EQ(request.messages[4].content, "and now?");
}

TEST(AnthropicMessages, join_turns_of_one_role) {
  const ChatRequest request =
      call_of(body_of(R"([{"role":"user","content":"a"},{"role":"user","content":"b"},
                          {"role":"assistant","content":"c"},{"role":"assistant","content":"d"},
                          {"role":"user","content":"e"}])"))
          .request;
  ASSERT_EQ(request.messages.size(), 3u);
  EXPECT_EQ(request.messages[0].content, "a\nb");
  EXPECT_EQ(request.messages[1].content, "c\nd");
}

TEST(AnthropicMessages, name_the_block_at_fault) {
  expect_refused(body_of("[]"), "messages");
  expect_refused(json(R"({"model":"m","max_tokens":1})"), "messages", "got nothing");
  expect_refused(body_of("[1]"), "messages[0]");
  expect_refused(body_of(R"([{"content":"x"}])"), "messages[0].role");
  expect_refused(body_of(R"([{"role":"system","content":"x"}])"), "messages[0].role", "`system`");
  expect_refused(body_of(R"([{"role":"user"}])"), "messages[0].content");
  expect_refused(body_of(R"([{"role":"user","content":[]}])"), "messages[0].content");
  expect_refused(body_of(R"([{"role":"user","content":[1]}])"), "messages[0].content[0]");
  expect_refused(body_of(R"([{"role":"user","content":[{"type":"text"}]}])"),
                 "messages[0].content[0].text");
  for (const char* type : {"image", "document", "server_tool_use"}) {
    expect_refused(
        body_of(R"([{"role":"user","content":[{"type":")" + std::string(type) + R"("}]}])"),
        "messages[0].content[0].type", type);
  }
  expect_refused(body_of(R"([{"role":"user","content":[{"type":"tool_use"}]}])"),
                 "messages[0].content[0].type", "user");
  expect_refused(body_of(R"([{"role":"assistant","content":[{"type":"tool_result"}]}])"),
                 "messages[0].content[0].type", "assistant");
  expect_refused(body_of(R"([{"role":"user","content":[
                     {"type":"tool_result","tool_use_id":"toolu_9","content":"x"}]}])"),
                 "messages[0].content[0].tool_use_id", "'toolu_9'");
  expect_refused(body_of(R"([{"role":"assistant","content":[
                     {"type":"tool_use","id":"a","name":"f","input":"x"}]}])"),
                 "messages[0].content[0].input");
  expect_refused(body_of(R"([{"role":"assistant","content":[
                     {"type":"tool_use","id":"a","name":"f","input":{}},
                     {"type":"tool_use","id":"a","name":"g","input":{}}]}])"),
                 "messages[0].content[1].id");
  expect_refused(body_of(R"([{"role":"assistant","content":[
                     {"type":"tool_use","id":"a","name":"f f","input":{}}]}])"),
                 "messages[0].content[0].name");
  expect_refused(body_of(R"([{"role":"assistant","content":[
                     {"type":"tool_use","id":"a","name":"f","input":{}}]},
                     {"role":"user","content":[{"type":"tool_result","tool_use_id":"a",
                      "content":[{"type":"image"}]}]}])"),
                 "messages[1].content[0].content[0].type", "'image'");
  expect_refused(body_of(R"([{"role":"assistant","content":[{"type":"thinking"}]}])"), "messages");
  std::string many;
  for (size_t i = 0; i <= limits::kMessagesMax; ++i) {
    many += std::string(many.empty() ? "" : ",") + R"({"role":"user","content":"x"})";
  }
  expect_refused(body_of("[" + many + "]"), "messages", "at most");
}

TEST(AnthropicMessages, refuse_a_begun_reply) {
  expect_refused(
      body_of(R"([{"role":"user","content":"x"},{"role":"assistant","content":"The answer is"}])"),
      "messages", "continued");
}

TEST(AnthropicMessages, name_the_field_at_fault) {
  expect_refused(json(R"({"model":"m","messages":[{"role":"user","content":"x"}]})"), "max_tokens",
                 "required");
  expect_refused(json(R"({"max_tokens":1,"messages":[{"role":"user","content":"x"}]})"), "model");
  expect_refused(json(R"({"model":"m","max_tokens":0,"messages":[{"role":"user","content":"x"}]})"),
                 "max_tokens");
  expect_refused(body_with(R"("temperature":"warm")"), "temperature");
  expect_refused(body_with(R"("top_p":2)"), "top_p");
  expect_refused(body_with(R"("top_k":-1)"), "top_k");
  expect_refused(body_with(R"("stop_sequences":"x")"), "stop_sequences");
  expect_refused(body_with(R"("stop_sequences":[""])"), "stop_sequences[0]");
  expect_refused(body_with(R"("stop_sequences":["a",1])"), "stop_sequences[1]");
  expect_refused(body_with(R"("system":7)"), "system");
  expect_refused(body_with(R"("system":[{"type":"image"}])"), "system[0].type");
  expect_refused(body_with(R"("metadata":[])"), "metadata");
  expect_refused(body_with(R"("metadata":{"user_id":7})"), "metadata.user_id");
  expect_refused(body_with(R"("thinking":{"type":"enabled","budget_tokens":1024})"), "thinking");
  expect_refused(body_with(R"("mcp_servers":[{}])"), "mcp_servers");
  expect_refused(body_with(R"("stream":1)"), "stream");
  expect_refused(body_with(R"("output_config":{"format":{"type":"yaml"}})"),
                 "output_config.format.type");
  expect_refused(body_with(R"("output_config":{"format":{"type":"json_schema"}})"),
                 "output_config.format.schema");
  EXPECT_TRUE(decode_messages(json("[]")).is_error());
}

TEST(AnthropicTools, are_read_with_their_schema) {
  const ChatRequest request = call_of(body_with(kTools)).request;
  ASSERT_EQ(request.tools.size(), 2u);
  EXPECT_EQ(request.tools[0].name, "weather");
  EXPECT_EQ(request.tools[0].description, "d");
  EXPECT_EQ(request.tools[0].parameters["type"], Json("object"));
}

TEST(AnthropicTools, are_chosen_by_tool_choice) {
  const auto with = [](const std::string& choice) {
    return body_with(kTools + (",\"tool_choice\":" + choice));
  };
  EXPECT_EQ(call_of(with(R"({"type":"auto"})")).request.tool_choice, ToolChoice::automatic);
  EXPECT_EQ(call_of(with(R"({"type":"none"})")).request.tool_choice, ToolChoice::none);
  EXPECT_EQ(call_of(with(R"({"type":"any"})")).request.tool_choice, ToolChoice::required);
  const MessagesCall named =
      call_of(with(R"({"type":"tool","name":"time","disable_parallel_tool_use":true})"));
  EXPECT_EQ(named.request.tool_choice, ToolChoice::required);
  EXPECT_TRUE(named.is_one_tool_use);
  ASSERT_EQ(named.request.tools.size(), 1u);
  EXPECT_EQ(named.request.tools[0].name, "time");
  expect_refused(with(R"({"type":"tool","name":"f"})"), "tool_choice.name", "'f'");
  expect_refused(with(R"({"type":"tool"})"), "tool_choice.name");
  expect_refused(with(R"({"type":"some"})"), "tool_choice.type");
  expect_refused(with(R"("auto")"), "tool_choice");
  expect_refused(with(R"({"type":"auto","disable_parallel_tool_use":1})"),
                 "tool_choice.disable_parallel_tool_use");
  expect_refused(body_with(R"("tool_choice":{"type":"any"})"), "tool_choice", "needs `tools`");
}

TEST(AnthropicTools, name_the_tool_at_fault) {
  expect_refused(body_with(R"("tools":{})"), "tools");
  expect_refused(body_with(R"("tools":[1])"), "tools[0]");
  expect_refused(body_with(R"("tools":[{"name":"f"}])"), "tools[0].input_schema");
  expect_refused(body_with(R"("tools":[{"name":"f g","input_schema":{}}])"), "tools[0].name");
  expect_refused(
      body_with(R"("tools":[{"name":"f","input_schema":{}},{"name":"f","input_schema":{}}])"),
      "tools[1].name", "two tools");
  expect_refused(body_with(R"("tools":[{"type":"web_search_20250305","name":"web_search"}])"),
                 "tools[0].type", "web_search_20250305");
}

TEST(AnthropicCount, needs_no_max_tokens_and_takes_a_conversation_that_ends_anywhere) {
  const auto request = decode_count_tokens(
      json(R"({"model":"m","system":"s","messages":[{"role":"user","content":"x"},
               {"role":"assistant","content":"y"}]})"));
  ASSERT_TRUE(request.is_ok()) << request.error().message;
  EXPECT_EQ(request->messages.size(), 3u);
  EXPECT_EQ(encode_count(7).dump(), R"({"input_tokens":7})");
  EXPECT_EQ(decode_count_tokens(json(R"({"model":"m"})")).error().param, "messages");
}

}  // namespace
}  // namespace plinth::protocol::anthropic
