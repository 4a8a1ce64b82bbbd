// SPDX-License-Identifier: Apache-2.0
// Decoding chat requests: what clients send, and every way they get it wrong.
#include "protocol/openai.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace plinth::protocol::openai {
namespace {

Json json(std::string_view text) { return MUST(Json::parse(text), "the test's own JSON"); }

// A chat body with these members after model and messages.
Json chat_with(std::string_view members) {
  return json(R"({"model":"m","messages":[{"role":"user","content":"hi"}])" +
              (members.empty() ? "" : "," + std::string(members)) + "}");
}

Json chat_of(std::string_view messages) {
  return json(R"({"model":"m","messages":)" + std::string(messages) + "}");
}

ChatRequest request_of(const Json& body) {
  auto call = decode_chat(body);
  EXPECT_TRUE(call.is_ok()) << call.error().message;
  return call.is_ok() ? call->request : ChatRequest();
}

void expect_refused(const Json& body, std::string_view param,
                    std::string_view part_of_message = {}) {
  const auto call = decode_chat(body);
  ASSERT_TRUE(call.is_error()) << body.dump();
  EXPECT_EQ(call.error().code, ErrorCode::invalid_argument) << body.dump();
  EXPECT_EQ(call.error().param, param) << call.error().message;
  EXPECT_NE(call.error().message.find(part_of_message), std::string::npos) << call.error().message;
  EXPECT_TRUE(call.error().message.starts_with(param)) << call.error().message;
}

constexpr const char* kWeather =
    R"({"type":"function","function":{"name":"get_weather","description":"d",
        "parameters":{"type":"object","properties":{"city":{"type":"string"}}}}})";
constexpr const char* kTime = R"({"type":"function","function":{"name":"get_time"}})";

std::string tools(std::string_view choice = {}) {
  return "\"tools\":[" + std::string(kWeather) + "," + kTime + "]" +
         (choice.empty() ? "" : ",\"tool_choice\":" + std::string(choice));
}

TEST(OpenAiChat, has_defaults_for_what_is_left_out) {
  const auto call = MUST(decode_chat(chat_with("")), "a minimal body");
  EXPECT_FALSE(call.is_stream);
  EXPECT_FALSE(call.is_usage_wanted);
  EXPECT_EQ(call.request.model, "m");
  ASSERT_EQ(call.request.messages.size(), 1u);
  EXPECT_EQ(call.request.messages[0].role, Role::user);
  EXPECT_EQ(call.request.messages[0].content, "hi");
  EXPECT_EQ(call.request.sampling.temperature, std::nullopt);
  EXPECT_EQ(call.request.sampling.top_p, std::nullopt);
  EXPECT_EQ(call.request.max_tokens, std::nullopt);
  EXPECT_EQ(call.request.tool_choice, ToolChoice::automatic);
}

TEST(OpenAiChat, reads_every_field_it_honours) {
  const auto call =
      MUST(decode_chat(chat_with(R"("temperature":0.5,"top_p":0.9,"seed":-7,"max_tokens":5,
          "max_completion_tokens":6,"stop":["a","b"],"user":"u","stream":true,
          "stream_options":{"include_usage":true},"n":1,"logprobs":false,"unknown":{"x":1},
          "presence_penalty":0,"logit_bias":{},"response_format":{"type":"text"},
          "modalities":["text"],"parallel_tool_calls":true)")),
           "a full body");
  EXPECT_TRUE(call.is_stream);
  EXPECT_TRUE(call.is_usage_wanted);
  EXPECT_EQ(call.request.sampling.temperature, 0.5);
  EXPECT_EQ(call.request.sampling.top_p, 0.9);
  EXPECT_EQ(call.request.sampling.seed, -7);
  EXPECT_EQ(call.request.max_tokens, 6);
  EXPECT_EQ(call.request.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(call.request.user, "u");
  EXPECT_EQ(request_of(chat_with(R"("stop":"x")")).stop, std::vector<std::string>{"x"});
  EXPECT_TRUE(request_of(chat_with(R"("stop":null,"seed":null,"temperature":null)")).stop.empty());
}

TEST(OpenAiChat, reads_a_conversation_with_tools) {
  const ChatRequest request = request_of(chat_of(R"([
      {"role":"developer","content":"be kind"},
      {"role":"user","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}],
       "name":"ann"},
      {"role":"assistant","content":null,"tool_calls":[
        {"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":"}}]},
      {"role":"tool","tool_call_id":"call_1","content":"21"}])"));
  ASSERT_EQ(request.messages.size(), 4u);
  EXPECT_EQ(request.messages[0].role, Role::system);
  EXPECT_EQ(request.messages[1].content, "one\ntwo");
  EXPECT_EQ(request.messages[1].name, "ann");
  ASSERT_EQ(request.messages[2].tool_calls.size(), 1u);
  EXPECT_EQ(request.messages[2].content, "");
  EXPECT_EQ(request.messages[2].tool_calls[0].arguments, "{\"a\":");
  EXPECT_EQ(request.messages[3].role, Role::tool);
  EXPECT_EQ(request.messages[3].tool_call_id, "call_1");
}

TEST(OpenAiChat, reads_how_tools_may_be_called_and_what_was_thought) {
  const ChatRequest request = request_of(json(R"({"model":"m","parallel_tool_calls":false,
      "messages":[{"role":"user","content":"x"},
        {"role":"assistant","content":"y","reasoning_content":"so"},
        {"role":"assistant","content":"z","reasoning":"thus"},
        {"role":"user","content":"w","reasoning_content":"not mine"}],
      "tools":[{"type":"function","function":{"name":"f","strict":true}},
               {"type":"function","function":{"name":"g"}}]})"));
  EXPECT_TRUE(request.is_one_call_at_most);
  EXPECT_TRUE(request.tools[0].is_strict);
  EXPECT_FALSE(request.tools[1].is_strict);
  EXPECT_EQ(request.messages[1].reasoning, "so");
  EXPECT_EQ(request.messages[2].reasoning, "thus");
  EXPECT_EQ(request.messages[3].reasoning, "");
  EXPECT_FALSE(request_of(chat_with(R"("parallel_tool_calls":true)")).is_one_call_at_most);
  expect_refused(chat_with(R"("parallel_tool_calls":1)"), "parallel_tool_calls");
  expect_refused(
      chat_with(R"("tools":[{"type":"function","function":{"name":"f","strict":"yes"}}])"),
      "tools[0].function.strict");
}

TEST(OpenAiChat, names_the_message_at_fault) {
  expect_refused(chat_of("[]"), "messages");
  expect_refused(json(R"({"model":"m"})"), "messages", "got nothing");
  expect_refused(chat_of("{}"), "messages", "got object");
  expect_refused(chat_of("[1]"), "messages[0]");
  expect_refused(chat_of(R"([{"content":"x"}])"), "messages[0].role");
  expect_refused(chat_of(R"([{"role":"zzz","content":"x"}])"), "messages[0].role", "'zzz'");
  expect_refused(chat_of(R"([{"role":"function","content":"x"}])"), "messages[0].role", "tool");
  expect_refused(chat_of(R"([{"role":"user","content":"x"},{"role":7,"content":"x"}])"),
                 "messages[1].role");
  expect_refused(chat_of(R"([{"role":"user"}])"), "messages[0].content");
  expect_refused(chat_of(R"([{"role":"user","content":null}])"), "messages[0].content");
  expect_refused(chat_of(R"([{"role":"user","content":7}])"), "messages[0].content", "got number");
  expect_refused(chat_of(R"([{"role":"user","content":[]}])"), "messages[0].content");
  expect_refused(chat_of(R"([{"role":"assistant","content":null}])"), "messages[0].content");
  expect_refused(chat_of(R"([{"role":"assistant","content":null,"tool_calls":[]}])"),
                 "messages[0].content");
  expect_refused(chat_of(R"([{"role":"tool","content":"x"}])"), "messages[0].tool_call_id");
  expect_refused(chat_of(R"([{"role":"tool","content":"x","tool_call_id":""}])"),
                 "messages[0].tool_call_id");
  expect_refused(chat_of(R"([{"role":"user","content":"x","tool_calls":[]}])"),
                 "messages[0].tool_calls");
}

TEST(OpenAiChat, names_the_part_and_its_type) {
  expect_refused(
      chat_of(R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url"}]}])"),
      "messages[0].content[1].type", "'image_url'");
  expect_refused(chat_of(R"([{"role":"user","content":["a"]}])"), "messages[0].content[0]");
  expect_refused(chat_of(R"([{"role":"user","content":[{"type":"text"}]}])"),
                 "messages[0].content[0].text");
  expect_refused(chat_of(R"([{"role":"user","content":[{"text":"x"}]}])"),
                 "messages[0].content[0].type");
}

TEST(OpenAiChat, names_the_tool_call_at_fault) {
  const auto with_call = [](std::string_view call) {
    return chat_of(R"([{"role":"assistant","content":"x","tool_calls":[)" + std::string(call) +
                   "]}]");
  };
  const std::string path = "messages[0].tool_calls[0]";
  expect_refused(with_call("1"), path);
  expect_refused(with_call(R"({"type":"function","function":{"name":"f","arguments":""}})"),
                 path + ".id");
  expect_refused(with_call(R"({"id":"a","type":"custom"})"), path + ".type");
  expect_refused(with_call(R"({"id":"a"})"), path + ".function");
  expect_refused(with_call(R"({"id":"a","function":{"arguments":""}})"), path + ".function.name");
  expect_refused(with_call(R"({"id":"a","function":{"name":"f","arguments":{}}})"),
                 path + ".function.arguments");
  expect_refused(with_call(R"({"id":"a","function":{"name":"","arguments":""}})"),
                 path + ".function.name");
}

TEST(OpenAiChat, refuses_values_outside_their_range) {
  for (const auto& [members, param] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"("temperature":"hot")", "temperature"},
           {R"("temperature":2.1)", "temperature"},
           {R"("temperature":-0.1)", "temperature"},
           {R"("top_p":1.5)", "top_p"},
           {R"("seed":1.5)", "seed"},
           {R"("seed":"1")", "seed"},
           {R"("max_tokens":0)", "max_tokens"},
           {R"("max_completion_tokens":-1)", "max_completion_tokens"},
           {R"("max_tokens":1e12)", "max_tokens"},
           {R"("stop":["a","b","c","d","e"])", "stop"},
           {R"("stop":7)", "stop"},
           {R"("stop":["a",1])", "stop[1]"},
           {R"("stop":[""])", "stop[0]"},
           {R"("stop":"")", "stop"},
           {R"("stream":"yes")", "stream"},
           {R"("stream_options":true)", "stream_options"},
           {R"("stream_options":{"include_usage":1})", "stream_options.include_usage"},
           {R"("user":1)", "user"},
           {R"("n":0)", "n"},
           {R"("n":17)", "n"}}) {
    expect_refused(chat_with(members), param);
  }
  expect_refused(json(R"({"messages":[{"role":"user","content":"x"}]})"), "model");
  expect_refused(json(R"({"model":"","messages":[{"role":"user","content":"x"}]})"), "model");
  expect_refused(json(R"({"model":1,"messages":[{"role":"user","content":"x"}]})"), "model");
  expect_refused(json("[]"), "");
}

TEST(OpenAiChat, refuses_rather_than_ignores_what_it_cannot_honour) {
  for (const auto& [members, param] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"("functions":[])", "functions"},
           {R"("function_call":"auto")", "function_call"},
           {R"("modalities":["text","audio"])", "modalities"},
           {R"("audio":{})", "audio"}}) {
    expect_refused(chat_with(members), param, "unsupported");
  }
}

TEST(OpenAiChat, reads_how_tokens_are_chosen_and_which_log_probabilities_are_wanted) {
  const ChatRequest request = request_of(chat_with(
      R"("frequency_penalty":0.5,"presence_penalty":-1,"repetition_penalty":1.1,"top_k":4,
         "min_p":0.05,"logit_bias":{"7":-100,"12":2.5},"logprobs":true,"top_logprobs":3)"));
  EXPECT_EQ(request.sampling.frequency_penalty, 0.5);
  EXPECT_EQ(request.sampling.presence_penalty, -1);
  EXPECT_EQ(request.sampling.repetition_penalty, 1.1);
  EXPECT_EQ(request.sampling.top_k, 4);
  EXPECT_EQ(request.sampling.min_p, 0.05);
  EXPECT_EQ(request.sampling.logit_bias,
            (std::vector<std::pair<int64_t, double>>{{7, -100}, {12, 2.5}}));
  EXPECT_EQ(request.logprobs_top, 3);
  EXPECT_EQ(request_of(chat_with(R"("logprobs":true)")).logprobs_top, 0);
  EXPECT_EQ(request_of(chat_with(R"("logprobs":false,"top_logprobs":0)")).logprobs_top,
            std::nullopt);
  for (const auto& [members, param] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"("top_logprobs":2)", "top_logprobs"},
           {R"("logprobs":true,"top_logprobs":21)", "top_logprobs"},
           {R"("frequency_penalty":2.5)", "frequency_penalty"},
           {R"("logit_bias":[])", "logit_bias"},
           {R"("logit_bias":{"x":1})", "logit_bias"},
           {R"("logit_bias":{"-1":1})", "logit_bias"},
           {R"("logit_bias":{"1":101})", "logit_bias.1"},
           {R"("logit_bias":{"1":"x"})", "logit_bias.1"},
           {R"("min_p":1.5)", "min_p"},
           {R"("repetition_penalty":0)", "repetition_penalty"}}) {
    expect_refused(chat_with(members), param);
  }
}

TEST(OpenAiChat, reads_the_format_of_the_reply) {
  EXPECT_FALSE(request_of(chat_with(R"("response_format":{"type":"text"})")).reply_format);
  const auto any =
      request_of(chat_with(R"("response_format":{"type":"json_object"})")).reply_format;
  ASSERT_TRUE(any);
  EXPECT_FALSE(any->schema);
  const auto described =
      request_of(
          chat_with(
              R"("response_format":{"type":"json_schema","json_schema":{"name":"answer","strict":true,
         "schema":{"type":"object"}}})"))
          .reply_format;
  ASSERT_TRUE(described && described->schema);
  EXPECT_EQ(described->name, "answer");
  EXPECT_TRUE(described->is_strict);
  EXPECT_EQ(described->schema->dump(), R"({"type":"object"})");
  for (const auto& [members, param] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"("response_format":"json")", "response_format"},
           {R"("response_format":{})", "response_format.type"},
           {R"("response_format":{"type":"xml"})", "response_format.type"},
           {R"("response_format":{"type":"json_schema"})", "response_format.json_schema"},
           {R"("response_format":{"type":"json_schema","json_schema":{}})",
            "response_format.json_schema.name"},
           {R"("response_format":{"type":"json_schema","json_schema":{"name":"a b"}})",
            "response_format.json_schema.name"},
           {R"("response_format":{"type":"json_schema","json_schema":{"name":"a","schema":1}})",
            "response_format.json_schema.schema"}}) {
    expect_refused(chat_with(members), param);
  }
}

TEST(OpenAiChat, reads_tools_and_the_choice_among_them) {
  const ChatRequest request = request_of(chat_with(tools()));
  ASSERT_EQ(request.tools.size(), 2u);
  EXPECT_EQ(request.tools[0].name, "get_weather");
  EXPECT_EQ(request.tools[0].description, "d");
  EXPECT_TRUE(request.tools[0].parameters["properties"].contains("city"));
  EXPECT_EQ(request.tools[1].parameters["type"].as_string(), "object");
  EXPECT_EQ(request_of(chat_with(tools("\"none\""))).tool_choice, ToolChoice::none);
  EXPECT_EQ(request_of(chat_with(tools("\"auto\""))).tool_choice, ToolChoice::automatic);
  EXPECT_EQ(request_of(chat_with(tools("\"required\""))).tool_choice, ToolChoice::required);
  const ChatRequest named =
      request_of(chat_with(tools(R"({"type":"function","function":{"name":"get_time"}})")));
  EXPECT_EQ(named.tool_choice, ToolChoice::required);
  ASSERT_EQ(named.tools.size(), 1u);
  EXPECT_EQ(named.tools[0].name, "get_time");
}

TEST(OpenAiChat, names_the_tool_or_the_choice_at_fault) {
  const auto with_tool = [](std::string_view tool) {
    return chat_with("\"tools\":[" + std::string(tool) + "]");
  };
  expect_refused(chat_with("\"tools\":{}"), "tools");
  expect_refused(with_tool("1"), "tools[0]");
  expect_refused(with_tool(R"({"type":"web_search"})"), "tools[0].type", "'web_search'");
  expect_refused(with_tool(R"({"type":"function"})"), "tools[0].function");
  const std::string long_name(65, 'a');
  for (const std::string& name : {std::string(), std::string("a b"), std::string("é"), long_name}) {
    expect_refused(with_tool(R"({"type":"function","function":{"name":")" + name + "\"}}"),
                   "tools[0].function.name");
  }
  expect_refused(with_tool(R"({"type":"function","function":{"name":"f","parameters":[]}})"),
                 "tools[0].function.parameters");
  expect_refused(with_tool(std::string(kTime) + "," + kTime), "tools[1].function.name",
                 "two tools");
  expect_refused(chat_with(tools("\"any\"")), "tool_choice");
  expect_refused(chat_with(tools("7")), "tool_choice");
  expect_refused(chat_with(tools(R"({"type":"function","function":{"name":"x"}})")),
                 "tool_choice.function.name");
  expect_refused(chat_with(tools(R"({"type":"allowed_tools"})")), "tool_choice.type");
  expect_refused(chat_with(R"("tool_choice":"required")"), "tool_choice");
}

TEST(OpenAiChat, stops_at_its_limits) {
  Json body = chat_with("");
  Json& messages = body.members_mutable()[1].second;
  const Json message = messages.items()[0];
  while (messages.size() < limits::kMessagesMax) messages.push(message);
  EXPECT_TRUE(decode_chat(body).is_ok());
  messages.push(message);
  expect_refused(body, "messages", std::to_string(limits::kMessagesMax));

  Json many = Json::array();
  for (size_t i = 0; i <= limits::kToolsMax; ++i) {
    Json function = Json::object({{"name", "f" + std::to_string(i)}});
    many.push(Json::object({{"type", "function"}, {"function", std::move(function)}}));
  }
  Json with_many = chat_with("");
  with_many.set("tools", many);
  expect_refused(with_many, "tools", std::to_string(limits::kToolsMax));
}

}  // namespace
}  // namespace plinth::protocol::openai
