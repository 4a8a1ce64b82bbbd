// SPDX-License-Identifier: Apache-2.0
// The exact events of streamed responses, and that a whole one has the same items.
#include "protocol/responses.h"

#include <gtest/gtest.h>

namespace plinth::protocol::responses {
namespace {

Json json(std::string_view text) { return MUST(Json::parse(text), "the test's own JSON"); }

ResponseHead head() { return {.id = "resp_01A", .model = "m", .created_unix_s = 1'700'000'000}; }

ChatEvent text_of(std::string text) {
  ChatEvent event;
  event.text = std::move(text);
  return event;
}

ChatEvent call_of(std::string id) {
  ChatEvent event;
  event.kind = ChatEvent::Kind::tool_call;
  event.tool_call = {std::move(id), "f", "{\"a\":1}"};
  return event;
}

ChatEvent end_of(FinishReason reason) {
  ChatEvent event;
  event.kind = ChatEvent::Kind::finished;
  event.reason = reason;
  event.usage = {.prompt_tokens = 7, .completion_tokens = 3, .cached_tokens = 4};
  return event;
}

// All events of a stream; each is checked to be named and numbered.
std::vector<Json> stream_of(ResponseEncoder& encoder, const std::vector<ChatEvent>& events) {
  std::vector<Frame> frames = encoder.begin();
  const auto add = [&](std::vector<Frame> more) {
    for (Frame& frame : more) frames.push_back(std::move(frame));
  };
  for (const ChatEvent& event : events) add(encoder.event(0, event));
  if (events.back().kind == ChatEvent::Kind::finished) add(encoder.end({}));
  std::vector<Json> out;
  for (const Frame& frame : frames) {
    out.push_back(json(frame.data));
    EXPECT_EQ(out.back()["type"].as_string(), frame.event);
    EXPECT_EQ(out.back()["sequence_number"].as_int(-1), static_cast<int64_t>(out.size()) - 1);
  }
  return out;
}

std::vector<std::string> types_of(const std::vector<Json>& events) {
  std::vector<std::string> types;
  for (const Json& event : events) types.push_back(event["type"].as_string());
  return types;
}

TEST(ResponseStream, of_text_goes_from_created_to_completed) {
  ResponseEncoder encoder(head());
  const auto events =
      stream_of(encoder, {text_of("he"), text_of("llo"), end_of(FinishReason::stop)});
  EXPECT_EQ(types_of(events),
            (std::vector<std::string>{"response.created", "response.in_progress",
                                      "response.output_item.added", "response.content_part.added",
                                      "response.output_text.delta", "response.output_text.delta",
                                      "response.output_text.done", "response.content_part.done",
                                      "response.output_item.done", "response.completed"}));
  EXPECT_EQ(events[0]["response"]["status"].as_string(), "in_progress");
  EXPECT_EQ(events[2].dump(),
            R"({"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":)"
            R"({"id":"msg_01Ao0","type":"message","status":"in_progress","role":"assistant",)"
            R"("content":[]}})");
  EXPECT_EQ(events[3].dump(),
            R"({"type":"response.content_part.added","sequence_number":3,"item_id":"msg_01Ao0",)"
            R"("output_index":0,"content_index":0,"part":{"type":"output_text","text":"",)"
            R"("annotations":[],"logprobs":[]}})");
  EXPECT_EQ(events[5].dump(),
            R"({"type":"response.output_text.delta","sequence_number":5,"item_id":"msg_01Ao0",)"
            R"("output_index":0,"content_index":0,"delta":"llo","logprobs":[]})");
  EXPECT_EQ(events[6].dump(),
            R"({"type":"response.output_text.done","sequence_number":6,"item_id":"msg_01Ao0",)"
            R"("output_index":0,"content_index":0,"text":"hello","logprobs":[]})");
  const Json& response = events.back()["response"];
  EXPECT_EQ(response["status"].as_string(), "completed");
  EXPECT_EQ(
      response["output"].dump(),
      R"([{"id":"msg_01Ao0","type":"message","status":"completed","role":"assistant",)"
      R"("content":[{"type":"output_text","text":"hello","annotations":[],"logprobs":[]}]}])");
  EXPECT_EQ(response["usage"].dump(),
            R"({"input_tokens":7,"input_tokens_details":{"cached_tokens":4},"output_tokens":3,)"
            R"("output_tokens_details":{"reasoning_tokens":0},"total_tokens":10})");
}

TEST(ResponseStream, of_tool_calls_has_an_item_for_each) {
  ResponseEncoder encoder(head());
  const auto events = stream_of(encoder, {text_of("let me look"), call_of("call_1"),
                                          call_of("call_2"), end_of(FinishReason::tool_calls)});
  const std::vector<std::string> types = types_of(events);
  EXPECT_EQ(std::vector<std::string>(types.begin() + 7, types.end()),
            (std::vector<std::string>{
                "response.output_item.done", "response.output_item.added",
                "response.function_call_arguments.delta", "response.function_call_arguments.done",
                "response.output_item.done", "response.output_item.added",
                "response.function_call_arguments.delta", "response.function_call_arguments.done",
                "response.output_item.done", "response.completed"}));
  EXPECT_EQ(events[8]["item"].dump(),
            R"({"id":"fc_01Ao1","type":"function_call","status":"in_progress",)"
            R"("call_id":"call_1","name":"f","arguments":""})");
  EXPECT_EQ(events[9].dump(),
            R"({"type":"response.function_call_arguments.delta","sequence_number":9,)"
            R"("item_id":"fc_01Ao1","output_index":1,"delta":"{\"a\":1}"})");
  EXPECT_EQ(events[10]["arguments"].as_string(), "{\"a\":1}");
  EXPECT_EQ(events[11]["item"]["status"].as_string(), "completed");
  EXPECT_EQ(events[12]["output_index"].as_int(), 2);
  EXPECT_EQ(events.back()["response"]["output"].size(), 3u);
  ASSERT_EQ(encoder.output().size(), 3u);
  EXPECT_EQ(encoder.output()[2].call.id, "call_2");
}

TEST(ResponseStream, that_ran_out_of_tokens_is_incomplete) {
  ResponseEncoder encoder(head());
  const auto events = stream_of(encoder, {text_of("he"), end_of(FinishReason::length)});
  EXPECT_EQ(events.back()["type"].as_string(), "response.incomplete");
  const Json& response = events.back()["response"];
  EXPECT_EQ(response["incomplete_details"]["reason"].as_string(), "max_output_tokens");
  EXPECT_EQ(response["output"].items()[0]["status"].as_string(), "incomplete");
}

TEST(ResponseStream, that_fails_says_why) {
  ResponseEncoder encoder(head());
  ChatEvent failed;
  failed.kind = ChatEvent::Kind::failed;
  failed.error = make_error(ErrorCode::overloaded, "full");
  const auto events = stream_of(encoder, {text_of("he"), failed});
  EXPECT_EQ(events.back()["type"].as_string(), "response.failed");
  EXPECT_EQ(events.back()["response"]["status"].as_string(), "failed");
  EXPECT_EQ(events.back()["response"]["error"].dump(),
            R"({"code":"rate_limit_exceeded","message":"full"})");
  ResponseEncoder cut(head());
  const auto ended = stream_of(cut, {text_of("he"), end_of(FinishReason::error)});
  EXPECT_EQ(ended.back()["type"].as_string(), "response.failed");
  EXPECT_EQ(ended.back()["response"]["error"]["code"].as_string(), "server_error");
}

TEST(ResponseStream, carries_log_probabilities_where_they_were_asked_for) {
  ChatEvent text = text_of("hi");
  text.logprobs = {{{"hi", -0.5}, {}}};
  ResponseHead wanted = head();
  wanted.are_logprobs_wanted = true;
  ResponseEncoder encoder(wanted);
  const auto events = stream_of(encoder, {text, end_of(FinishReason::stop)});
  EXPECT_EQ(events[4]["logprobs"].dump(),
            R"([{"token":"hi","logprob":-0.5,"bytes":[104,105],"top_logprobs":[]}])");
  EXPECT_EQ(events.back()["response"]["output"].items()[0]["content"].items()[0]["logprobs"].size(),
            1u);
}

TEST(Response, has_the_items_of_its_stream) {
  ChatReply reply;
  reply.text = "let me look";
  reply.tool_calls = {{"call_1", "f", "{\"a\":1}"}};
  reply.reason = FinishReason::tool_calls;
  reply.usage = {.prompt_tokens = 7, .completion_tokens = 3, .cached_tokens = 4};
  ResponseEncoder whole(head());
  ResponseEncoder streamed(head());
  const auto events = stream_of(streamed, {text_of("let me "), text_of("look"), call_of("call_1"),
                                           end_of(FinishReason::tool_calls)});
  EXPECT_EQ(whole.whole({reply}).dump(), events.back()["response"].dump());
  EXPECT_EQ(whole.finished(reply).dump(), streamed.finished(reply).dump());
}

TEST(Response, of_nothing_is_an_empty_message) {
  ResponseEncoder encoder(head());
  const Json response = encoder.whole({ChatReply()});
  ASSERT_EQ(response["output"].size(), 1u);
  EXPECT_EQ(response["output"].items()[0]["content"].items()[0]["text"].as_string(), "");
}

}  // namespace
}  // namespace plinth::protocol::responses
