// SPDX-License-Identifier: Apache-2.0
// Decoding what clients of the Responses API send, and the conversation that comes of it.
#include "protocol/responses.h"

#include <gtest/gtest.h>

namespace plinth::protocol::responses {
namespace {

Json json(std::string_view text) { return MUST(Json::parse(text), "the test's own JSON"); }

Json with(std::string_view members) {
  return json(R"({"model":"m","input":"hi")" + (members.empty() ? "" : "," + std::string(members)) +
              "}");
}

Json input_of(std::string_view items) {
  return json(R"({"model":"m","input":)" + std::string(items) + "}");
}

ResponseCall call_of(const Json& body) {
  auto call = decode_response_call(body);
  EXPECT_TRUE(call.is_ok()) << call.error().message;
  return call.is_ok() ? *call : ResponseCall();
}

void expect_refused(const Json& body, std::string_view param, std::string_view part = {}) {
  const auto call = decode_response_call(body);
  ASSERT_TRUE(call.is_error()) << body.dump();
  EXPECT_EQ(call.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(call.error().param, param) << call.error().message;
  EXPECT_TRUE(call.error().message.starts_with(param)) << call.error().message;
  EXPECT_NE(call.error().message.find(part), std::string::npos) << call.error().message;
}

TEST(ResponseCall, has_defaults_for_what_is_left_out) {
  const ResponseCall call = call_of(with(""));
  ASSERT_EQ(call.input.size(), 1u);
  EXPECT_EQ(call.input[0].text, "hi");
  EXPECT_TRUE(call.is_stored);
  EXPECT_FALSE(call.is_stream);
  EXPECT_EQ(call.settings.dump(),
            R"({"background":false,"instructions":null,"max_output_tokens":null,"metadata":{},)"
            R"("parallel_tool_calls":true,"previous_response_id":null,)"
            R"("reasoning":{"effort":null,"summary":null},"store":true,"temperature":null,)"
            R"("text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_p":null,)"
            R"("truncation":"disabled","user":null})");
}

TEST(ResponseCall, reads_every_field_it_honours) {
  const ResponseCall call = call_of(with(R"("instructions":"be brief","store":false,"stream":true,
      "previous_response_id":"resp_1","temperature":0.5,"top_p":0.9,"max_output_tokens":7,
      "tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},
                "strict":true},{"type":"function","name":"g","parameters":null}],
      "tool_choice":{"type":"function","name":"f"},"parallel_tool_calls":false,
      "text":{"format":{"type":"json_schema","name":"s","strict":true,"schema":{"type":"array"}}},
      "include":["message.output_text.logprobs","reasoning.encrypted_content"],"top_logprobs":2,
      "metadata":{"a":"b"},"user":"u","truncation":"disabled","background":false,
      "reasoning":{"effort":"low"},"unknown":1)"));
  EXPECT_EQ(call.instructions, "be brief");
  EXPECT_EQ(call.previous_id, "resp_1");
  EXPECT_FALSE(call.is_stored);
  EXPECT_TRUE(call.is_stream);
  EXPECT_EQ(call.request.sampling.temperature, 0.5);
  EXPECT_EQ(call.request.sampling.top_p, 0.9);
  EXPECT_EQ(call.request.max_tokens, 7);
  EXPECT_EQ(call.request.logprobs_top, 2);
  ASSERT_EQ(call.request.tools.size(), 1u);
  EXPECT_EQ(call.request.tools[0].description, "d");
  EXPECT_EQ(call.request.tool_choice, ToolChoice::required);
  ASSERT_TRUE(call.request.reply_format);
  EXPECT_EQ(call.request.reply_format->schema->dump(), R"({"type":"array"})");
  EXPECT_TRUE(call.request.reply_format->is_strict);
  EXPECT_EQ(call.settings["metadata"].dump(), R"({"a":"b"})");
  EXPECT_EQ(call.settings["tools"].size(), 2u);
  EXPECT_FALSE(call.settings["parallel_tool_calls"].as_bool(true));
  EXPECT_TRUE(call_of(with(R"("text":{"format":{"type":"json_object"}})")).request.reply_format);
  EXPECT_FALSE(call_of(with(R"("text":{"verbosity":"low"})")).request.reply_format);
}

TEST(ResponseCall, refuses_by_name_what_it_cannot_honour) {
  expect_refused(with(R"("background":true)"), "background", "unsupported");
  expect_refused(with(R"("conversation":"conv_1")"), "conversation", "unsupported");
  expect_refused(with(R"("prompt":{"id":"p"})"), "prompt", "unsupported");
  expect_refused(with(R"("truncation":"auto")"), "truncation", "unsupported");
  expect_refused(with(R"("tools":[{"type":"web_search"}])"), "tools[0].type", "'web_search'");
  expect_refused(with(R"("tools":[{"type":"function","name":"f"},{"type":"mcp"}])"),
                 "tools[1].type", "'mcp'");
  expect_refused(with(R"("tools":[{"type":"function"}])"), "tools[0].name");
  expect_refused(with(R"("tools":[{"type":"function","name":"f","parameters":7}])"),
                 "tools[0].parameters");
  expect_refused(with(R"("tools":[{"type":"function","name":"f"},{"type":"function","name":"f"}])"),
                 "tools[1].name", "two tools");
  expect_refused(with(R"("tool_choice":"required")"), "tool_choice");
  expect_refused(with(R"("tool_choice":"some")"), "tool_choice", "'some'");
  expect_refused(with(R"("tool_choice":{"type":"web_search"})"), "tool_choice.type");
  expect_refused(with(R"("tool_choice":{"type":"function","name":"f"})"), "tool_choice.name");
  expect_refused(with(R"("include":["nothing"])"), "include[0]", "'nothing'");
  expect_refused(with(R"("top_logprobs":2)"), "top_logprobs", "include");
  expect_refused(with(R"("text":{"format":{"type":"xml"}})"), "text.format.type", "'xml'");
  expect_refused(with(R"("text":{"format":{"type":"json_schema","name":"s"}})"),
                 "text.format.schema");
  expect_refused(with(R"("metadata":{"a":1})"), "metadata.a");
  expect_refused(with(R"("max_output_tokens":0)"), "max_output_tokens");
  expect_refused(with(R"("temperature":"hot")"), "temperature");
}

TEST(ResponseCall, names_the_item_at_fault) {
  expect_refused(json(R"({"model":"m"})"), "input");
  expect_refused(input_of("7"), "input");
  expect_refused(input_of("[]"), "input", "nothing to answer");
  expect_refused(input_of(R"([{"type":"reasoning","summary":[]}])"), "input");
  expect_refused(input_of("[7]"), "input[0]");
  expect_refused(input_of(R"([{"role":"zzz","content":"x"}])"), "input[0].role", "'zzz'");
  expect_refused(input_of(R"([{"role":"user"}])"), "input[0].content");
  expect_refused(input_of(R"([{"role":"user","content":[{"type":"input_image"}]}])"),
                 "input[0].content[0].type", "'input_image'");
  expect_refused(input_of(R"([{"role":"user","content":[{"type":"input_text"}]}])"),
                 "input[0].content[0].text");
  expect_refused(input_of(R"([{"type":"item_reference","id":"x"}])"), "input[0].type");
  expect_refused(input_of(R"([{"type":"function_call","name":"f","arguments":""}])"),
                 "input[0].call_id");
  expect_refused(input_of(R"([{"type":"function_call","call_id":"c","arguments":""}])"),
                 "input[0].name");
  expect_refused(input_of(R"([{"type":"function_call","call_id":"c","name":"f"}])"),
                 "input[0].arguments");
  expect_refused(input_of(R"([{"type":"function_call_output","call_id":"c"}])"), "input[0].output");
  EXPECT_EQ(call_of(json(R"({"model":"m","previous_response_id":"resp_1"})")).input.size(), 0u);
}

TEST(ResponseItems, become_messages_in_which_calls_belong_to_their_assistant) {
  const auto items = MUST(decode_items(json(R"([
      {"role":"developer","content":"be kind"},
      {"role":"user","content":[{"type":"input_text","text":"one"},{"type":"input_text","text":"two"}]},
      {"type":"reasoning","id":"rs_1","summary":[]},
      {"type":"message","id":"msg_1","role":"assistant","status":"completed",
       "content":[{"type":"output_text","text":"let me look","annotations":[]}]},
      {"type":"function_call","id":"fc_1","call_id":"c1","name":"f","arguments":"{}"},
      {"type":"function_call","call_id":"c2","name":"g.h i","arguments":"{\"a\":1}"},
      {"type":"function_call_output","call_id":"c2","output":"21"},
      {"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"x"}]}])"),
                                       "input"),
                          "items");
  ASSERT_EQ(items.size(), 7u);
  const auto messages = MUST(messages_of("be brief", items), "a conversation");
  ASSERT_EQ(messages.size(), 6u);
  EXPECT_EQ(messages[0].role, Role::system);
  EXPECT_EQ(messages[0].content, "be brief");
  EXPECT_EQ(messages[1].role, Role::system);
  EXPECT_EQ(messages[2].content, "one\ntwo");
  EXPECT_EQ(messages[3].content, "let me look");
  ASSERT_EQ(messages[3].tool_calls.size(), 2u);
  EXPECT_EQ(messages[3].tool_calls[1].arguments, "{\"a\":1}");
  EXPECT_EQ(messages[4].tool_call_id, "c2");
  EXPECT_EQ(messages[4].name, "g.h i");  // a model's own word
  EXPECT_EQ(messages[5].content, "x");
  EXPECT_EQ(messages[5].name, "f");
}

TEST(ResponseItems, an_output_needs_its_call) {
  const auto items =
      MUST(decode_items(json(R"([{"type":"function_call_output","call_id":"c","output":"x"}])"),
                        "input"),
           "items");
  const auto refused = messages_of("", items);
  ASSERT_TRUE(refused.is_error());
  EXPECT_EQ(refused.error().param, "input");
  EXPECT_NE(refused.error().message.find("'c'"), std::string::npos);
}

TEST(ResponseItems, keep_their_ids_and_are_given_those_they_lack) {
  auto items = MUST(decode_items(json(R"([{"id":"msg_mine","role":"user","content":"a"},
      {"type":"function_call","call_id":"c","name":"f","arguments":"{}"}])"),
                                 "input"),
                    "items");
  name_items(items, "resp_01ABC");
  EXPECT_EQ(items[0].id, "msg_mine");
  EXPECT_EQ(items[1].id, "fc_01ABCi1");
  EXPECT_EQ(encode_item(items[0]).dump(),
            R"({"id":"msg_mine","type":"message","status":"completed","role":"user",)"
            R"("content":[{"type":"input_text","text":"a"}]})");
  EXPECT_EQ(encode_item(items[1]).dump(),
            R"({"id":"fc_01ABCi1","type":"function_call","status":"completed","call_id":"c",)"
            R"("name":"f","arguments":"{}"})");
}

}  // namespace
}  // namespace plinth::protocol::responses
