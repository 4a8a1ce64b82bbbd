// SPDX-License-Identifier: Apache-2.0
// The client side of the Messages API: what is sent to an upstream, and reading what it answers.
#include <gtest/gtest.h>

#include "protocol/anthropic.h"

namespace plinth::protocol::anthropic {
namespace {

Json json(std::string_view text) { return MUST(Json::parse(text), "the test's own JSON"); }

Message tool_result(std::string id, std::string content) {
  Message message = message_of(Role::tool, std::move(content));
  message.tool_call_id = std::move(id);
  return message;
}

ChatRequest request_of(std::vector<Message> messages) {
  ChatRequest request;
  request.model = "m";
  request.messages = std::move(messages);
  return request;
}

Json encoded(const ChatRequest& request) {
  auto body = encode_chat(request);
  EXPECT_TRUE(body.is_ok()) << body.error().message;
  return body.value_or(Json());
}

struct Stream {
  std::vector<ChatEvent> events;
  std::optional<Error> error;
};

Stream feed(const std::vector<std::string>& parts) {
  Stream stream;
  const auto decoder = create_event_decoder();
  const auto take = [&](Result<std::vector<ChatEvent>> events) {
    if (events.is_error()) {
      stream.error = events.error();
      return;
    }
    for (ChatEvent& event : *events) stream.events.push_back(std::move(event));
  };
  for (const std::string& part : parts) {
    if (!stream.error) take(decoder->feed(json(part)));
  }
  if (!stream.error) take(decoder->finish());
  return stream;
}

constexpr const char* kStart =
    R"({"type":"message_start","message":{"usage":{"input_tokens":3,"cache_read_input_tokens":4,
        "cache_creation_input_tokens":2,"output_tokens":1}}})";
constexpr const char* kStop = R"({"type":"message_stop"})";

std::string end(const std::string& reason, const std::string& sequence = "null") {
  return R"({"type":"message_delta","delta":{"stop_reason":")" + reason + R"(","stop_sequence":)" +
         sequence + R"(},"usage":{"output_tokens":9}})";
}

TEST(AnthropicUpstream, writes_turns_that_alternate) {
  Message assistant = message_of(Role::assistant, "");
  assistant.tool_calls = {{"t1", "f", R"({"a":1})"}, {"t2", "f", ""}};
  const Json body = encoded(
      request_of({message_of(Role::system, "be kind"), message_of(Role::system, "be brief"),
                  message_of(Role::user, "one"), message_of(Role::user, "two"), assistant,
                  tool_result("t1", "21"), tool_result("t2", ""), message_of(Role::user, "and?")}));
  EXPECT_EQ(body["system"], Json("be kind\n\nbe brief"));
  EXPECT_EQ(
      body["messages"].dump(),
      R"([{"role":"user","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]},)"
      R"({"role":"assistant","content":[)"
      R"({"type":"tool_use","id":"t1","name":"f","input":{"a":1}},)"
      R"({"type":"tool_use","id":"t2","name":"f","input":{}}]},)"
      R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"21"},)"
      R"({"type":"tool_result","tool_use_id":"t2","content":""},)"
      R"({"type":"text","text":"and?"}]}])");
  EXPECT_EQ(body["max_tokens"], Json(4096));
  EXPECT_EQ(body["stream"], Json(true));
}

TEST(AnthropicUpstream, sends_what_the_decoder_reads_back) {
  ChatRequest request = request_of({message_of(Role::user, "hi")});
  request.max_tokens = 9;
  request.sampling.temperature = 0.5;
  request.sampling.top_p = 0.9;
  request.sampling.top_k = 5;
  request.sampling.seed = 7;
  request.stop = {"END"};
  request.user = "who";
  request.tools = {{"f", "d", Json::object({{"type", "object"}})}};
  request.tool_choice = ToolChoice::required;
  request.reply_format = ReplyFormat{Json::object({{"type", "object"}}), "n", true};
  const Json body = encoded(request);
  EXPECT_FALSE(body.contains("seed"));
  const auto back = decode_messages(body);
  ASSERT_TRUE(back.is_ok()) << back.error().message;
  EXPECT_TRUE(back->is_stream);
  EXPECT_EQ(back->request.max_tokens, 9);
  EXPECT_EQ(back->request.sampling.temperature, 0.5);
  EXPECT_EQ(back->request.sampling.top_p, 0.9);
  EXPECT_EQ(back->request.sampling.top_k, 5);
  EXPECT_EQ(back->request.stop, request.stop);
  EXPECT_EQ(back->request.user, "who");
  ASSERT_EQ(back->request.tools.size(), 1u);
  EXPECT_EQ(back->request.tools[0].description, "d");
  EXPECT_EQ(back->request.tool_choice, ToolChoice::required);
  ASSERT_TRUE(back->request.reply_format);
  EXPECT_EQ(back->request.reply_format->schema, request.reply_format->schema);
}

TEST(AnthropicUpstream, refuses_what_it_cannot_send) {
  ChatRequest request = request_of({message_of(Role::user, "hi")});
  request.logprobs_top = 1;
  EXPECT_EQ(encode_chat(request).error().param, "logprobs");
  request.logprobs_top.reset();
  request.reply_format = ReplyFormat();
  EXPECT_EQ(encode_chat(request).error().param, "response_format");
  request.reply_format.reset();
  request.is_end_ignored = true;
  EXPECT_EQ(encode_chat(request).error().param, "ignore_eos");
  request.is_end_ignored = false;
  request.prompt = PlainPrompt{"x", {}};
  EXPECT_EQ(encode_chat(request).error().param, "prompt");
}

TEST(AnthropicUpstream, reads_text_and_counts) {
  const Stream stream =
      feed({kStart,
            R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})",
            R"({"type":"ping"})",
            R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"he"}})",
            R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"y"}})",
            R"({"type":"content_block_stop","index":0})", end("stop_sequence", "\"END\""), kStop});
  ASSERT_FALSE(stream.error) << stream.error->message;
  ASSERT_EQ(stream.events.size(), 3u);
  EXPECT_EQ(stream.events[0].text + stream.events[1].text, "hey");
  EXPECT_EQ(stream.events[2].reason, FinishReason::stop);
  EXPECT_EQ(stream.events[2].stop_match, "END");
  EXPECT_EQ(stream.events[2].usage.prompt_tokens, 9);
  EXPECT_EQ(stream.events[2].usage.cached_tokens, 4);
  EXPECT_EQ(stream.events[2].usage.completion_tokens, 9);
}

TEST(AnthropicUpstream, gathers_tool_calls_from_their_deltas) {
  const Stream stream =
      feed({kStart,
            R"({"type":"content_block_start","index":1,
           "content_block":{"type":"tool_use","id":"t1","name":"f","input":{}}})",
            R"({"type":"content_block_delta","index":1,
           "delta":{"type":"input_json_delta","partial_json":"{\"a\""}})",
            R"({"type":"content_block_delta","index":1,
           "delta":{"type":"input_json_delta","partial_json":":1}"}})",
            R"({"type":"content_block_stop","index":1})",
            R"({"type":"content_block_start","index":2,
           "content_block":{"type":"tool_use","id":"t2","name":"g","input":{}}})",
            R"({"type":"content_block_stop","index":2})", end("tool_use"), kStop});
  ASSERT_FALSE(stream.error) << stream.error->message;
  ASSERT_EQ(stream.events.size(), 3u);
  EXPECT_EQ(stream.events[0].tool_call.id, "t1");
  EXPECT_EQ(stream.events[0].tool_call.arguments, "{\"a\":1}");
  EXPECT_EQ(stream.events[1].tool_call.name, "g");
  EXPECT_EQ(stream.events[1].tool_call.arguments, "{}");
  EXPECT_EQ(stream.events[2].reason, FinishReason::tool_calls);
}

TEST(AnthropicUpstream, sorts_the_reasons_of_an_end) {
  const auto reason = [](const std::string& name) {
    return feed({kStart, end(name), kStop}).events.back().reason;
  };
  EXPECT_EQ(reason("end_turn"), FinishReason::stop);
  EXPECT_EQ(reason("max_tokens"), FinishReason::length);
  EXPECT_EQ(reason("refusal"), FinishReason::error);
}

TEST(AnthropicUpstream, reports_an_error_inside_the_stream_as_the_end) {
  const Stream stream = feed(
      {kStart, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})"});
  ASSERT_EQ(stream.events.size(), 1u);
  EXPECT_EQ(stream.events[0].kind, ChatEvent::Kind::failed);
  EXPECT_EQ(stream.events[0].error.code, ErrorCode::overloaded);
  EXPECT_EQ(stream.events[0].error.message, "Overloaded");
}

TEST(AnthropicUpstream, refuses_streams_that_are_cut_or_broken) {
  const std::string call = R"({"type":"content_block_start","index":0,
      "content_block":{"type":"tool_use","id":"t1","name":"f"}})";
  EXPECT_TRUE(feed({kStart}).error);
  EXPECT_TRUE(feed({kStart, kStop}).error);
  EXPECT_TRUE(feed({"[]"}).error);
  EXPECT_TRUE(feed({kStart, call, end("tool_use"), kStop}).error);
  EXPECT_TRUE(feed({kStart, end("end_turn"), kStop, kStart}).error);
  EXPECT_TRUE(feed({R"({"type":"content_block_start","index":0,
                        "content_block":{"type":"tool_use","id":"t1"}})"})
                  .error);
  EXPECT_TRUE(feed({R"({"type":"content_block_delta","index":0,
                        "delta":{"type":"input_json_delta","partial_json":"{"}})"})
                  .error);
  const std::string piece(1u << 19, ' ');
  const std::string delta = R"({"type":"content_block_delta","index":0,
      "delta":{"type":"input_json_delta","partial_json":")" +
                            piece + R"("}})";
  EXPECT_TRUE(feed({call, delta, delta, delta}).error);
  std::vector<std::string> many(200, call);
  EXPECT_TRUE(feed(many).error);
}

TEST(AnthropicUpstream, sorts_refusals_by_status) {
  EXPECT_EQ(decode_error(529, "").code, ErrorCode::overloaded);
  const Error error = decode_error(
      400, R"({"type":"error","error":{"type":"invalid_request_error","message":"too long"}})");
  EXPECT_EQ(error.code, ErrorCode::invalid_argument);
  EXPECT_NE(error.message.find("too long"), std::string::npos);
}

}  // namespace
}  // namespace plinth::protocol::anthropic
