// SPDX-License-Identifier: Apache-2.0
// What clients of the Messages API read: whole messages, the events of a stream, errors.
#include <gtest/gtest.h>

#include "protocol/anthropic.h"

namespace plinth::protocol::anthropic {
namespace {

ReplyHead head() { return {"msg_1", "m", "req_1", false}; }

ChatEvent text(std::string words) {
  ChatEvent event;
  event.text = std::move(words);
  return event;
}

ChatEvent call(const std::string& id, std::string arguments) {
  ChatEvent event;
  event.kind = ChatEvent::Kind::tool_call;
  event.tool_call = {id, "f", std::move(arguments)};
  return event;
}

ChatEvent finished(FinishReason reason, std::string stop_match = {}) {
  ChatEvent event;
  event.kind = ChatEvent::Kind::finished;
  event.reason = reason;
  event.stop_match = std::move(stop_match);
  return event;
}

// "NAME DATA" a frame.
std::vector<std::string> stream_of(ReplyEncoder& encoder, const std::vector<ChatEvent>& events,
                                   const Usage& usage) {
  std::vector<std::string> lines;
  const auto add = [&](const std::vector<Frame>& frames) {
    for (const Frame& frame : frames) lines.push_back(frame.event + " " + frame.data);
  };
  add(encoder.begin());
  for (const ChatEvent& event : events) add(encoder.event(0, event));
  add(encoder.end(usage));
  return lines;
}

Json whole_of(const ChatReply& reply, const ReplyHead& at = head()) {
  return create_message_encoder(at)->whole({reply});
}

TEST(AnthropicReply, carries_text_reason_and_usage) {
  ChatReply reply;
  reply.text = "hé";
  reply.reason = FinishReason::length;
  reply.usage = {.prompt_tokens = 7, .completion_tokens = 3, .cached_tokens = 4};
  EXPECT_EQ(whole_of(reply).dump(),
            R"({"id":"msg_1","type":"message","role":"assistant","model":"m",)"
            R"("content":[{"type":"text","text":"hé"}],"stop_reason":"max_tokens",)"
            R"("stop_sequence":null,"usage":{"input_tokens":3,"cache_creation_input_tokens":0,)"
            R"("cache_read_input_tokens":4,"output_tokens":3}})");
}

TEST(AnthropicReply, says_which_stop_sequence_ended_it) {
  ChatReply reply;
  EXPECT_EQ(whole_of(reply)["stop_reason"], Json("end_turn"));
  EXPECT_EQ(whole_of(reply)["content"], Json::array());
  reply.stop_match = "END";
  EXPECT_EQ(whole_of(reply)["stop_reason"], Json("stop_sequence"));
  EXPECT_EQ(whole_of(reply)["stop_sequence"], Json("END"));
  reply.reason = FinishReason::tool_calls;
  EXPECT_EQ(whole_of(reply)["stop_reason"], Json("tool_use"));
  EXPECT_TRUE(whole_of(reply)["stop_sequence"].is_null());
  reply.reason = FinishReason::cancelled;
  EXPECT_TRUE(whole_of(reply)["stop_reason"].is_null());
}

TEST(AnthropicReply, carries_tool_calls_with_objects_as_input) {
  ChatReply reply;
  reply.tool_calls = {{"call_1", "f", R"({"a": 1})"}, {"call_2", "f", ""}, {"call_3", "f", "{a"}};
  reply.reason = FinishReason::tool_calls;
  EXPECT_EQ(whole_of(reply)["content"].dump(),
            R"([{"type":"tool_use","id":"call_1","name":"f","input":{"a":1}},)"
            R"({"type":"tool_use","id":"call_2","name":"f","input":{}},)"
            R"({"type":"tool_use","id":"call_3","name":"f","input":{"malformed":"{a"}}])");
  ReplyHead one = head();
  one.is_one_tool_use = true;
  EXPECT_EQ(whole_of(reply, one)["content"].size(), 1u);
}

TEST(AnthropicStream, opens_fills_and_closes_a_block_of_text) {
  const auto encoder = create_message_encoder(head());
  EXPECT_EQ(
      stream_of(*encoder, {text("a"), text(""), text("b"), finished(FinishReason::stop, "END")},
                {.prompt_tokens = 7, .completion_tokens = 2, .cached_tokens = 4}),
      (std::vector<std::string>{
          R"(message_start {"type":"message_start","message":{"id":"msg_1","type":"message",)"
          R"("role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,)"
          R"("usage":{"input_tokens":0,"cache_creation_input_tokens":0,)"
          R"("cache_read_input_tokens":0,"output_tokens":0}}})",
          R"(content_block_start {"type":"content_block_start","index":0,)"
          R"("content_block":{"type":"text","text":""}})",
          R"(content_block_delta {"type":"content_block_delta","index":0,)"
          R"("delta":{"type":"text_delta","text":"a"}})",
          R"(content_block_delta {"type":"content_block_delta","index":0,)"
          R"("delta":{"type":"text_delta","text":"b"}})",
          R"(content_block_stop {"type":"content_block_stop","index":0})",
          R"(message_delta {"type":"message_delta","delta":{"stop_reason":"stop_sequence",)"
          R"("stop_sequence":"END"},"usage":{"input_tokens":3,"cache_creation_input_tokens":0,)"
          R"("cache_read_input_tokens":4,"output_tokens":2}})",
          R"(message_stop {"type":"message_stop"})"}));
}

TEST(AnthropicStream, gives_each_tool_call_a_block_of_its_own) {
  const auto encoder = create_message_encoder(head());
  const auto lines = stream_of(*encoder,
                               {text("so"), call("call_1", R"({"a": 1})"), call("call_2", "{}"),
                                text("!"), finished(FinishReason::tool_calls)},
                               {});
  EXPECT_EQ(std::vector<std::string>(lines.begin() + 3, lines.end() - 2),
            (std::vector<std::string>{
                R"(content_block_stop {"type":"content_block_stop","index":0})",
                R"(content_block_start {"type":"content_block_start","index":1,)"
                R"("content_block":{"type":"tool_use","id":"call_1","name":"f","input":{}}})",
                R"(content_block_delta {"type":"content_block_delta","index":1,)"
                R"("delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}})",
                R"(content_block_stop {"type":"content_block_stop","index":1})",
                R"(content_block_start {"type":"content_block_start","index":2,)"
                R"("content_block":{"type":"tool_use","id":"call_2","name":"f","input":{}}})",
                R"(content_block_delta {"type":"content_block_delta","index":2,)"
                R"("delta":{"type":"input_json_delta","partial_json":"{}"}})",
                R"(content_block_stop {"type":"content_block_stop","index":2})",
                R"(content_block_start {"type":"content_block_start","index":3,)"
                R"("content_block":{"type":"text","text":""}})",
                R"(content_block_delta {"type":"content_block_delta","index":3,)"
                R"("delta":{"type":"text_delta","text":"!"}})",
                R"(content_block_stop {"type":"content_block_stop","index":3})"}));
  EXPECT_NE(lines[lines.size() - 2].find(R"("stop_reason":"tool_use")"), std::string::npos);
}

TEST(AnthropicStream, shows_only_the_first_call_where_one_is_wanted) {
  ReplyHead one = head();
  one.is_one_tool_use = true;
  const auto encoder = create_message_encoder(one);
  const auto lines = stream_of(
      *encoder, {call("call_1", "{}"), call("call_2", "{}"), finished(FinishReason::tool_calls)},
      {});
  ASSERT_EQ(lines.size(), 6u);
  for (const std::string& line : lines) EXPECT_EQ(line.find("call_2"), std::string::npos) << line;
}

TEST(AnthropicStream, ends_with_an_error_event_when_it_fails) {
  const auto encoder = create_message_encoder(head());
  encoder->begin();
  const auto frames = encoder->fail(make_error(ErrorCode::upstream_failed, "gone"));
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].event, "error");
  EXPECT_EQ(frames[0].data, R"({"type":"error","error":{"type":"api_error","message":"gone"},)"
                            R"("request_id":"req_1"})");
}

TEST(AnthropicErrors, have_the_type_of_their_cause) {
  const auto type = [](ErrorCode code) {
    return encode_error(make_error(code, "x"), "req_1")["error"]["type"].as_string();
  };
  EXPECT_EQ(type(ErrorCode::invalid_argument), "invalid_request_error");
  EXPECT_EQ(type(ErrorCode::malformed), "invalid_request_error");
  EXPECT_EQ(type(ErrorCode::unsupported_media_type), "invalid_request_error");
  EXPECT_EQ(type(ErrorCode::unauthenticated), "authentication_error");
  EXPECT_EQ(type(ErrorCode::denied), "permission_error");
  EXPECT_EQ(type(ErrorCode::not_found), "not_found_error");
  EXPECT_EQ(type(ErrorCode::too_large), "request_too_large");
  EXPECT_EQ(type(ErrorCode::rate_limited), "rate_limit_error");
  EXPECT_EQ(type(ErrorCode::overloaded), "overloaded_error");
  EXPECT_EQ(type(ErrorCode::deadline_exceeded), "timeout_error");
  EXPECT_EQ(type(ErrorCode::internal), "api_error");
  EXPECT_TRUE(encode_error(make_error(ErrorCode::internal, "x"), "")["request_id"].is_null());
}

}  // namespace
}  // namespace plinth::protocol::anthropic
