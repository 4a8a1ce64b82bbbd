// SPDX-License-Identifier: Apache-2.0
// What OpenAI clients read from replies, chunks and errors.
#include <gtest/gtest.h>

#include "base/hash.h"
#include "protocol/openai.h"

namespace plinth::protocol::openai {
namespace {

const ReplyHead kHead{.id = "chatcmpl-1", .model = "m", .created_unix_s = 1'700'000'000};
const ToolCall kCall{.id = "call_1", .name = "f", .arguments = "{\"a\":1}"};

ChatEvent event_of(ChatEvent::Kind kind) {
  ChatEvent event;
  event.kind = kind;
  return event;
}

TEST(OpenAiReply, carries_text_reason_and_usage) {
  ChatReply reply;
  reply.text = "hé";
  reply.reason = FinishReason::length;
  reply.usage = {.prompt_tokens = 7, .completion_tokens = 3, .cached_tokens = 4};
  EXPECT_EQ(
      encode_reply(kHead, {reply}).dump(),
      R"({"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m",)"
      R"("choices":[{"index":0,"message":{"role":"assistant","content":"hé","refusal":null},)"
      R"("logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":7,)"
      R"("completion_tokens":3,"total_tokens":10,"prompt_tokens_details":{"cached_tokens":4}}})");
}

TEST(OpenAiReply, has_null_content_only_when_there_are_only_tool_calls) {
  ChatReply reply;
  EXPECT_EQ(encode_reply(kHead, {reply})["choices"].items()[0]["message"]["content"], Json(""));
  reply.tool_calls = {kCall};
  reply.reason = FinishReason::tool_calls;
  const Json choice = encode_reply(kHead, {reply})["choices"].items()[0];
  EXPECT_TRUE(choice["message"]["content"].is_null());
  EXPECT_EQ(choice["finish_reason"].as_string(), "tool_calls");
  const Json call = choice["message"]["tool_calls"].items()[0];
  EXPECT_EQ(call.dump(),
            R"({"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}})");
  reply.text = "both";
  EXPECT_EQ(encode_reply(kHead, {reply})["choices"].items()[0]["message"]["content"], Json("both"));
}

TEST(OpenAiReply, carries_reasoning_beside_the_content_and_counts_it) {
  ChatReply reply;
  reply.text = "yes";
  reply.reasoning = "hm";
  reply.usage = {.prompt_tokens = 1, .completion_tokens = 5, .reasoning_tokens = 3};
  const Json body = encode_reply(kHead, {reply});
  const Json& message = body["choices"].items()[0]["message"];
  EXPECT_EQ(message["reasoning_content"], Json("hm"));
  EXPECT_EQ(message["content"], Json("yes"));
  EXPECT_EQ(body["usage"]["completion_tokens_details"]["reasoning_tokens"], Json(3));
  ChatEvent event = event_of(ChatEvent::Kind::reasoning);
  event.text = "hm";
  const Json chunk = encode_chunk(kHead, 0, event, 0);
  EXPECT_EQ(chunk["choices"].items()[0]["delta"].dump(), R"({"reasoning_content":"hm"})");
}

TEST(OpenAiReply, counts_the_prompt_once_for_all_choices) {
  ChatReply first, second;
  first.text = "a";
  first.usage = {.prompt_tokens = 7, .completion_tokens = 3, .cached_tokens = 0};
  second.text = "b";
  second.usage = {.prompt_tokens = 7, .completion_tokens = 5, .cached_tokens = 4};
  const Json body = encode_reply(kHead, {first, second});
  ASSERT_EQ(body["choices"].size(), 2u);
  EXPECT_EQ(body["choices"].items()[1]["index"], Json(1));
  EXPECT_EQ(body["choices"].items()[1]["message"]["content"], Json("b"));
  EXPECT_EQ(body["usage"]["prompt_tokens"], Json(7));
  EXPECT_EQ(body["usage"]["completion_tokens"], Json(8));
  EXPECT_EQ(body["usage"]["prompt_tokens_details"]["cached_tokens"], Json(4));
}

TEST(OpenAiReply, shows_log_probabilities_and_the_bytes_of_each_token) {
  ChatReply reply;
  reply.text = "hi";
  reply.logprobs = {{{"hi", -0.5}, {{"hi", -0.5}, {"\xc3", -1}}}};
  const Json logprobs = encode_reply(kHead, {reply})["choices"].items()[0]["logprobs"];
  EXPECT_EQ(logprobs.dump(),
            R"({"content":[{"token":"hi","logprob":-0.5,"bytes":[104,105],"top_logprobs":[)"
            R"({"token":"hi","logprob":-0.5,"bytes":[104,105]},)"
            "{\"token\":\"\xef\xbf\xbd\",\"logprob\":-1,\"bytes\":[195]}]}],\"refusal\":null}");
  ChatEvent text = event_of(ChatEvent::Kind::text);
  text.logprobs = reply.logprobs;
  EXPECT_EQ(encode_chunk(kHead, 0, text, 0)["choices"].items()[0]["logprobs"].dump(),
            logprobs.dump());
}

TEST(OpenAiChunks, begin_with_the_role_and_end_with_a_reason) {
  const Json first = encode_first_chunk(kHead, 0);
  EXPECT_EQ(first["object"].as_string(), "chat.completion.chunk");
  EXPECT_EQ(first["choices"].items()[0]["delta"]["role"].as_string(), "assistant");
  EXPECT_TRUE(first["choices"].items()[0]["finish_reason"].is_null());

  ChatEvent text = event_of(ChatEvent::Kind::text);
  text.text = "hi";
  EXPECT_EQ(
      encode_chunk(kHead, 0, text, 0).dump(),
      R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m",)"
      R"("choices":[{"index":0,"delta":{"content":"hi"},"logprobs":null,"finish_reason":null}]})");

  ChatEvent finished = event_of(ChatEvent::Kind::finished);
  finished.reason = FinishReason::stop;
  const Json last = encode_chunk(kHead, 0, finished, 0)["choices"].items()[0];
  EXPECT_EQ(last["finish_reason"].as_string(), "stop");
  EXPECT_EQ(last["delta"].size(), 0u);
}

TEST(OpenAiChunks, carry_tool_calls_with_their_index) {
  ChatEvent call = event_of(ChatEvent::Kind::tool_call);
  call.tool_call = kCall;
  const Json delta = encode_chunk(kHead, 0, call, 3)["choices"].items()[0]["delta"];
  const Json item = delta["tool_calls"].items()[0];
  EXPECT_EQ(item["index"].as_int(), 3);
  EXPECT_EQ(item["id"].as_string(), "call_1");
  EXPECT_EQ(item["function"]["arguments"].as_string(), "{\"a\":1}");
}

TEST(OpenAiChunks, put_usage_into_a_chunk_without_choices) {
  const Json chunk = encode_usage_chunk(kHead, {.prompt_tokens = 1, .completion_tokens = 2});
  EXPECT_TRUE(chunk["choices"].is_array());
  EXPECT_EQ(chunk["choices"].size(), 0u);
  EXPECT_EQ(chunk["usage"]["total_tokens"].as_int(), 3);
}

TEST(OpenAiChunks, carry_a_failure_as_an_error_object) {
  ChatEvent failed = event_of(ChatEvent::Kind::failed);
  failed.error = make_error(ErrorCode::overloaded, "full");
  EXPECT_EQ(encode_chunk(kHead, 0, failed, 0)["error"]["message"].as_string(), "full");
}

TEST(OpenAiModels, are_listed_as_cards) {
  EXPECT_EQ(
      encode_models({{.id = "m", .created_unix_s = 5, .owner = "plinth"}}).dump(),
      R"({"object":"list","data":[{"id":"m","object":"model","created":5,"owned_by":"plinth"}]})");
}

TEST(OpenAiErrors, have_message_type_param_and_code) {
  EXPECT_EQ(encode_error(make_error(ErrorCode::invalid_argument, "bad", "n")).dump(),
            R"({"error":{"message":"bad","type":"invalid_request_error","param":"n",)"
            R"("code":"invalid_argument"}})");
  const Json other = encode_error(make_error(ErrorCode::context_length_exceeded, "long"))["error"];
  EXPECT_TRUE(other.contains("param"));
  EXPECT_TRUE(other["param"].is_null());
  EXPECT_EQ(other["code"].as_string(), "context_length_exceeded");
}

}  // namespace
}  // namespace plinth::protocol::openai
