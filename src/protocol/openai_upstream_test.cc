// SPDX-License-Identifier: Apache-2.0
// The client side of OpenAI's format: what upstreams get, and what is made of their answers.
#include <gtest/gtest.h>

#include "protocol/openai.h"

namespace plinth::protocol::openai {
namespace {

Json json(std::string_view text) { return MUST(Json::parse(text), "the test's own JSON"); }

ChatRequest full_request() {
  ChatRequest request;
  request.model = "m";
  request.messages = {
      {.role = Role::system, .content = "s", .tool_calls = {}, .tool_call_id = "", .name = ""},
      {.role = Role::user, .content = "u", .tool_calls = {}, .tool_call_id = "", .name = "ann"},
      {.role = Role::assistant,
       .content = "",
       .tool_calls = {{.id = "c1", .name = "f", .arguments = "{}"}},
       .tool_call_id = "",
       .name = ""},
      {.role = Role::tool, .content = "r", .tool_calls = {}, .tool_call_id = "c1", .name = ""}};
  request.tools = {{.name = "f", .description = "d", .parameters = json(R"({"type":"object"})")}};
  request.tool_choice = ToolChoice::required;
  request.sampling = {.temperature = 0.25,
                      .top_p = 0.5,
                      .seed = 11,
                      .top_k = 7,
                      .min_p = 0.125,
                      .presence_penalty = 1,
                      .frequency_penalty = -1,
                      .repetition_penalty = 1.5,
                      .logit_bias = {{3, -100}}};
  request.reply_format = ReplyFormat{json(R"({"type":"object"})"), "answer", true};
  request.logprobs_top = 2;
  request.max_tokens = 9;
  request.stop = {"x"};
  request.user = "who";
  return request;
}

TEST(OpenAiUpstream, sends_what_the_decoder_reads_back) {
  const ChatRequest request = full_request();
  const auto call = MUST(decode_chat(encode_chat(request, true)), "our own encoding");
  EXPECT_TRUE(call.is_stream);
  EXPECT_TRUE(call.is_usage_wanted);
  const ChatRequest& back = call.request;
  EXPECT_EQ(back.model, request.model);
  ASSERT_EQ(back.messages.size(), request.messages.size());
  for (size_t i = 0; i < back.messages.size(); ++i) {
    EXPECT_EQ(back.messages[i].role, request.messages[i].role);
    EXPECT_EQ(back.messages[i].content, request.messages[i].content);
    EXPECT_EQ(back.messages[i].tool_call_id, request.messages[i].tool_call_id);
    EXPECT_EQ(back.messages[i].name, request.messages[i].name);
    EXPECT_EQ(back.messages[i].tool_calls.size(), request.messages[i].tool_calls.size());
  }
  EXPECT_EQ(back.messages[2].tool_calls[0].arguments, "{}");
  ASSERT_EQ(back.tools.size(), 1u);
  EXPECT_EQ(back.tools[0].parameters, request.tools[0].parameters);
  EXPECT_EQ(back.tool_choice, ToolChoice::required);
  EXPECT_EQ(back.sampling.temperature, 0.25);
  EXPECT_EQ(back.sampling.seed, 11);
  EXPECT_EQ(back.sampling.top_k, 7);
  EXPECT_EQ(back.sampling.min_p, 0.125);
  EXPECT_EQ(back.sampling.presence_penalty, 1);
  EXPECT_EQ(back.sampling.frequency_penalty, -1);
  EXPECT_EQ(back.sampling.repetition_penalty, 1.5);
  EXPECT_EQ(back.sampling.logit_bias, request.sampling.logit_bias);
  EXPECT_EQ(back.logprobs_top, 2);
  ASSERT_TRUE(back.reply_format);
  EXPECT_EQ(back.reply_format->schema, request.reply_format->schema);
  EXPECT_EQ(back.reply_format->name, "answer");
  EXPECT_TRUE(back.reply_format->is_strict);
  EXPECT_EQ(back.max_tokens, 9);
  EXPECT_EQ(back.stop, request.stop);
  EXPECT_EQ(back.user, "who");
  EXPECT_FALSE(encode_chat(request, false).contains("stream_options"));
}

TEST(OpenAiUpstream, sends_how_tools_may_be_called_and_what_was_thought) {
  ChatRequest request;
  request.model = "m";
  Message message;
  message.role = Role::assistant;
  message.content = "x";
  message.reasoning = "so";
  request.messages = {message};
  request.tools.emplace_back().name = "f";
  request.tools[0].is_strict = true;
  request.is_one_call_at_most = true;
  const Json body = encode_chat(request, false);
  EXPECT_EQ(body["parallel_tool_calls"], Json(false));
  EXPECT_EQ(body["tools"].items()[0]["function"]["strict"], Json(true));
  EXPECT_EQ(body["messages"].items()[0]["reasoning_content"], Json("so"));
  request.tools[0].is_strict = false;
  request.is_one_call_at_most = false;
  const Json plain = encode_chat(request, false);
  EXPECT_FALSE(plain.contains("parallel_tool_calls"));
  EXPECT_FALSE(plain["tools"].items()[0]["function"].contains("strict"));
}

TEST(OpenAiUpstream, reads_reasoning_under_either_name_whole_and_streamed) {
  for (const std::string name : {"reasoning_content", "reasoning"}) {
    const std::string member = "{\"" + name + R"(":"hm","content":"x"})";
    const auto reply = MUST(decode_reply(json(R"({"choices":[{"message":)" + member +
                                              R"(,"finish_reason":"stop"}],"usage":{)"
                                              R"("completion_tokens_details":)"
                                              R"({"reasoning_tokens":4}}})")),
                            "a reply");
    EXPECT_EQ(reply.reasoning, "hm");
    EXPECT_EQ(reply.usage.reasoning_tokens, 4);
    ChunkDecoder decoder;
    const auto events =
        MUST(decoder.feed(json(R"({"choices":[{"delta":)" + member + "}]}")), "a chunk");
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].kind, ChatEvent::Kind::reasoning);
    EXPECT_EQ(events[0].text, "hm");
    EXPECT_EQ(events[1].text, "x");
  }
}

TEST(OpenAiUpstream, reads_its_own_replies) {
  ChatReply reply;
  reply.text = "t";
  reply.reasoning = "r";
  reply.tool_calls = {{.id = "c", .name = "f", .arguments = "{\"a\":1}"}};
  reply.reason = FinishReason::tool_calls;
  reply.usage = {.prompt_tokens = 5, .completion_tokens = 6, .cached_tokens = 2};
  const ChatReply back =
      MUST(decode_reply(encode_reply({.id = "i", .model = "m"}, {reply})), "our own encoding");
  EXPECT_EQ(back.text, "t");
  EXPECT_EQ(back.reasoning, "r");
  ASSERT_EQ(back.tool_calls.size(), 1u);
  EXPECT_EQ(back.tool_calls[0].arguments, "{\"a\":1}");
  EXPECT_EQ(back.reason, FinishReason::tool_calls);
  EXPECT_EQ(back.usage.prompt_tokens, 5);
  EXPECT_EQ(back.usage.cached_tokens, 2);
}

TEST(OpenAiUpstream, reads_log_probabilities_whole_and_streamed) {
  const Json logprobs = json(R"({"content":[{"token":"?","logprob":-0.5,"bytes":[195],
      "top_logprobs":[{"token":"a","logprob":-1,"bytes":null}]},{"token":"b"}]})");
  const ChatReply reply = MUST(
      decode_reply(Json::object({{"choices", Json::array().push(Json::object(
                                                 {{"message", Json::object({{"content", "x"}})},
                                                  {"logprobs", logprobs},
                                                  {"finish_reason", "stop"}}))}})),
      "a reply");
  ASSERT_EQ(reply.logprobs.size(), 2u);
  EXPECT_EQ(reply.logprobs[0].chosen.token, "\xc3");
  EXPECT_EQ(reply.logprobs[0].chosen.logprob, -0.5);
  ASSERT_EQ(reply.logprobs[0].top.size(), 1u);
  EXPECT_EQ(reply.logprobs[0].top[0].token, "a");
  EXPECT_EQ(reply.logprobs[1].chosen.token, "b");
  ChunkDecoder decoder;
  const auto events = MUST(
      decoder.feed(Json::object(
          {{"choices", Json::array().push(Json::object({{"delta", Json::object({{"content", "x"}})},
                                                        {"logprobs", logprobs}}))}})),
      "a chunk");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].logprobs.size(), 2u);
}

TEST(OpenAiUpstream, asks_to_go_on_from_a_plain_prompt_and_reads_what_comes) {
  ChatRequest request;
  request.model = "m";
  request.prompt = PlainPrompt{"Once", {}};
  request.max_tokens = 3;
  request.logprobs_top = 2;
  request.is_end_ignored = true;
  EXPECT_EQ(encode_completion(request, true).dump(),
            R"({"model":"m","prompt":"Once","max_tokens":3,"ignore_eos":true,"logprobs":2,)"
            R"("stream":true,"stream_options":{"include_usage":true}})");
  request.prompt->tokens = {5, 6};
  EXPECT_EQ(encode_completion(request, false)["prompt"].dump(), "[5,6]");
  ChunkDecoder decoder;
  const auto events = MUST(decoder.feed(json(R"({"choices":[{"index":0,"text":" upon","logprobs":{
      "tokens":[" up","on"],"token_logprobs":[-0.5,null],"top_logprobs":[{" up":-0.5,"x":-1}],
      "text_offset":[0,3]},"finish_reason":null}]})")),
                           "a chunk");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].text, " upon");
  ASSERT_EQ(events[0].logprobs.size(), 2u);
  EXPECT_EQ(events[0].logprobs[0].chosen.token, " up");
  EXPECT_EQ(events[0].logprobs[0].chosen.logprob, -0.5);
  ASSERT_EQ(events[0].logprobs[0].top.size(), 2u);
  EXPECT_EQ(events[0].logprobs[0].top[1].token, "x");
  EXPECT_TRUE(decoder.feed(json(R"({"choices":[{"text":"","finish_reason":"length"}]})")).is_ok());
  const auto end = MUST(decoder.finish(), "the end");
  EXPECT_EQ(end[0].reason, FinishReason::length);
}

TEST(OpenAiUpstream, reads_which_stop_string_ended_a_reply) {
  const auto match = [](std::string_view members) {
    const std::string text = R"({"choices":[{"message":{"content":"x"},"finish_reason":"stop")" +
                             std::string(members) + "}]}";
    return MUST(decode_reply(json(text)), "a reply").stop_match;
  };
  EXPECT_EQ(match(""), "");
  EXPECT_EQ(match(R"(,"stop_reason":"END")"), "END");
  EXPECT_EQ(match(R"(,"stop_reason":null,"matched_stop":"END")"), "END");
  EXPECT_EQ(match(R"(,"stop_reason":128001)"), "");
  EXPECT_EQ(match(R"(,"stop_reason":")" + std::string(2000, 'x') + "\""), "");
}

TEST(OpenAiUpstream, refuses_broken_replies) {
  for (const char* text : {
           "{}",
           "[]",
           R"({"choices":[]})",
           R"({"choices":[{}]})",
           R"({"choices":[{"message":{"content":"x"}}]})",
           R"({"choices":[{"message":7,"finish_reason":"stop"}]})",
           R"({"choices":[{"message":{"tool_calls":[{"id":"a"}]},"finish_reason":"stop"}]})",
       }) {
    const auto reply = decode_reply(json(text));
    ASSERT_TRUE(reply.is_error()) << text;
    EXPECT_EQ(reply.error().code, ErrorCode::upstream_failed) << text;
  }
  const auto filtered = decode_reply(
      json(R"({"choices":[{"message":{"content":"x"},"finish_reason":"content_filter"}]})"));
  EXPECT_EQ(filtered.value().reason, FinishReason::error);
}

TEST(OpenAiUpstream, sorts_its_errors_by_who_can_do_something) {
  const auto code = [](int status, std::string_view body = "{}") {
    return decode_error(status, body).code;
  };
  EXPECT_EQ(code(400), ErrorCode::invalid_argument);
  EXPECT_EQ(code(401), ErrorCode::upstream_failed);
  EXPECT_EQ(code(403), ErrorCode::upstream_failed);
  EXPECT_EQ(code(404), ErrorCode::not_found);
  EXPECT_EQ(code(429), ErrorCode::overloaded);
  EXPECT_EQ(code(500), ErrorCode::upstream_failed);
  EXPECT_EQ(code(503), ErrorCode::unavailable);
  EXPECT_EQ(code(400, R"({"error":{"code":"context_length_exceeded"}})"),
            ErrorCode::context_length_exceeded);
  EXPECT_EQ(decode_error(400, R"({"error":{"message":"no","param":"n"}})").param, "n");
}

TEST(OpenAiUpstream, finds_the_message_in_the_shapes_servers_use) {
  for (const char* body :
       {R"({"error":{"message":"cause"}})", R"({"error":"cause"})",
        R"({"message":"cause","object":"error"})", R"({"detail":"cause"})", "cause\n"}) {
    EXPECT_EQ(decode_error(500, body).message, "the upstream answered 500: cause") << body;
  }
  EXPECT_NE(decode_error(502, "\xff\xfe").message.find("not text"), std::string::npos);
  EXPECT_LT(decode_error(500, std::string(100'000, 'x')).message.size(), 1200u);
}

struct Stream {
  std::vector<ChatEvent> events;
  std::optional<Error> error;
};

// A chunk with one tool call delta, whose members these are.
std::string calls(std::string_view members) {
  return R"({"choices":[{"delta":{"tool_calls":[{)" + std::string(members) + "}]}}]}";
}

Stream feed(const std::vector<std::string>& chunks) {
  ChunkDecoder decoder;
  Stream stream;
  const auto take = [&](Result<std::vector<ChatEvent>> events) {
    if (events.is_error()) {
      stream.error = events.error();
      return;
    }
    for (ChatEvent& event : *events) stream.events.push_back(std::move(event));
  };
  for (const std::string& chunk : chunks) {
    if (!stream.error) take(decoder.feed(json(chunk)));
  }
  if (!stream.error) take(decoder.finish());
  return stream;
}

TEST(OpenAiChunkDecoder, turns_deltas_into_events) {
  const Stream stream =
      feed({R"({"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]})",
            R"({"choices":[{"delta":{"content":"he"}}]})",
            R"({"choices":[{"delta":{"content":"llo"}}]})",
            R"({"choices":[{"delta":{},"finish_reason":"stop","stop_reason":"END"}]})",
            R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}})"});
  ASSERT_FALSE(stream.error);
  ASSERT_EQ(stream.events.size(), 3u);
  EXPECT_EQ(stream.events[2].stop_match, "END");
  EXPECT_EQ(stream.events[0].text + stream.events[1].text, "hello");
  EXPECT_EQ(stream.events[2].kind, ChatEvent::Kind::finished);
  EXPECT_EQ(stream.events[2].reason, FinishReason::stop);
  EXPECT_EQ(stream.events[2].usage.prompt_tokens, 3);
}

TEST(OpenAiChunkDecoder, gathers_tool_calls_from_their_deltas) {
  const Stream stream =
      feed({calls(R"("index":0,"id":"a","function":{"name":"f","arguments":""})"),
            calls(R"("index":0,"function":{"arguments":"{\"x\""})"),
            calls(R"("index":1,"id":"b","function":{"name":"g","arguments":"{}"})"),
            calls(R"("index":0,"function":{"arguments":":1}"})"),
            R"({"choices":[{"delta":{},"finish_reason":"tool_calls"}]})"});
  ASSERT_FALSE(stream.error);
  ASSERT_EQ(stream.events.size(), 3u);
  EXPECT_EQ(stream.events[0].tool_call.name, "f");
  EXPECT_EQ(stream.events[0].tool_call.arguments, "{\"x\":1}");
  EXPECT_EQ(stream.events[1].tool_call.id, "b");
  EXPECT_EQ(stream.events[2].reason, FinishReason::tool_calls);
}

TEST(OpenAiChunkDecoder, tells_calls_apart_by_id_when_the_index_is_left_out) {
  const Stream stream =
      feed({calls(R"("id":"a","function":{"name":"f","arguments":"1"})"),
            R"({"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"2"}}]}}]})",
            calls(R"("id":"b","function":{"name":"g","arguments":"3"})"),
            R"({"choices":[{"delta":{},"finish_reason":"tool_calls"}]})"});
  ASSERT_EQ(stream.events.size(), 3u);
  EXPECT_EQ(stream.events[0].tool_call.arguments, "12");
  EXPECT_EQ(stream.events[1].tool_call.arguments, "3");
}

TEST(OpenAiChunkDecoder, reports_an_error_inside_the_stream_as_the_end) {
  const Stream stream = feed(
      {R"({"choices":[{"delta":{"content":"x"}}]})", R"({"error":{"message":"out of memory"}})"});
  ASSERT_EQ(stream.events.size(), 2u);
  EXPECT_EQ(stream.events[1].kind, ChatEvent::Kind::failed);
  EXPECT_NE(stream.events[1].error.message.find("out of memory"), std::string::npos);
}

TEST(OpenAiChunkDecoder, refuses_streams_that_are_cut_or_broken) {
  EXPECT_TRUE(feed({R"({"choices":[{"delta":{"content":"x"}}]})"}).error);
  EXPECT_TRUE(feed({}).error);
  EXPECT_TRUE(feed({"[]"}).error);
  EXPECT_TRUE(feed({R"({"choices":[{"delta":{"tool_calls":[{"index":-1}]}}]})"}).error);
  EXPECT_TRUE(feed({calls(R"("index":99999999)")}).error);
  EXPECT_TRUE(feed({R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a"}]},
                        "finish_reason":"tool_calls"}]})"})
                  .error);
  ChunkDecoder decoder;
  const std::string piece(200'000, 'x');
  bool is_refused = false;
  for (int i = 0; i < 10 && !is_refused; ++i) {
    is_refused = decoder
                     .feed(json(R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a",
                          "function":{"name":"f","arguments":")" +
                                piece + R"("}}]}}]})"))
                     .is_error();
  }
  EXPECT_TRUE(is_refused);
}

}  // namespace
}  // namespace plinth::protocol::openai
