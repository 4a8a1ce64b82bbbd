// SPDX-License-Identifier: Apache-2.0
// What clients of completions send and read.
#include "protocol/openai_completions.h"

#include <gtest/gtest.h>

namespace plinth::protocol::openai {
namespace {

Json json(std::string_view text) { return MUST(Json::parse(text), "the test's own JSON"); }

Json with(std::string_view members) {
  return json(R"({"model":"m","prompt":"Once")" +
              (members.empty() ? "" : "," + std::string(members)) + "}");
}

CompletionCall call_of(const Json& body) {
  auto call = decode_completion(body);
  EXPECT_TRUE(call.is_ok()) << call.error().message;
  return call.is_ok() ? *call : CompletionCall();
}

void expect_refused(const Json& body, std::string_view param, std::string_view part = {}) {
  const auto call = decode_completion(body);
  ASSERT_TRUE(call.is_error()) << body.dump();
  EXPECT_EQ(call.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(call.error().param, param) << call.error().message;
  EXPECT_NE(call.error().message.find(part), std::string::npos) << call.error().message;
}

TEST(Completions, have_defaults_for_what_is_left_out) {
  const CompletionCall call = call_of(with(""));
  ASSERT_EQ(call.prompts.size(), 1u);
  EXPECT_EQ(call.prompts[0].text, "Once");
  EXPECT_EQ(call.request.max_tokens, 16);
  EXPECT_EQ(call.choices, 1u);
  EXPECT_EQ(call.request.logprobs_top, std::nullopt);
  EXPECT_FALSE(call.is_stream || call.is_echo || call.is_usage_wanted);
  EXPECT_FALSE(call.request.is_end_ignored);
}

TEST(Completions, read_every_field_they_honour) {
  const CompletionCall call = call_of(with(R"("max_tokens":5,"n":2,"best_of":2,"stream":true,
      "stream_options":{"include_usage":true},"stop":["a"],"seed":7,"temperature":0.5,"top_p":0.9,
      "presence_penalty":1,"frequency_penalty":-1,"logit_bias":{"3":-100},"logprobs":0,
      "ignore_eos":true,"top_k":4,"min_p":0.1,"repetition_penalty":1.5,"user":"u","suffix":null,
      "min_tokens":0,"stop_token_ids":[],"use_beam_search":false,"unknown":1)"));
  EXPECT_EQ(call.request.max_tokens, 5);
  EXPECT_EQ(call.choices, 2u);
  EXPECT_TRUE(call.is_stream && call.is_usage_wanted);
  EXPECT_EQ(call.request.stop, std::vector<std::string>{"a"});
  EXPECT_EQ(call.request.sampling.seed, 7);
  EXPECT_EQ(call.request.sampling.top_k, 4);
  EXPECT_EQ(call.request.sampling.repetition_penalty, 1.5);
  EXPECT_EQ(call.request.logprobs_top, 0);
  EXPECT_TRUE(call.request.is_end_ignored);
  EXPECT_TRUE(call_of(with(R"("echo":true)")).is_echo);
}

TEST(Completions, take_texts_tokens_and_lists_of_either) {
  const auto prompts = [](std::string_view prompt) {
    return call_of(json(R"({"model":"m","prompt":)" + std::string(prompt) + "}")).prompts;
  };
  EXPECT_EQ(prompts(R"(["a","b"])")[1].text, "b");
  EXPECT_EQ(prompts("[1,2]").size(), 1u);
  EXPECT_EQ(prompts("[1,2]")[0].tokens, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(prompts("[[1],[2,3]]")[1].tokens, (std::vector<int32_t>{2, 3}));
}

TEST(Completions, name_the_field_at_fault) {
  const auto prompt = [](std::string_view text) {
    return json(R"({"model":"m","prompt":)" + std::string(text) + "}");
  };
  expect_refused(json(R"({"model":"m"})"), "prompt");
  expect_refused(json(R"({"prompt":"a"})"), "model");
  expect_refused(prompt("{}"), "prompt");
  expect_refused(prompt("[]"), "prompt", "empty");
  expect_refused(prompt("[[]]"), "prompt[0]", "empty");
  expect_refused(prompt("[1,-2]"), "prompt[1]");
  expect_refused(prompt("[2147483648]"), "prompt[0]");
  expect_refused(prompt("[1.5]"), "prompt[0]");
  expect_refused(prompt(R"([1,"a"])"), "prompt[1]");
  expect_refused(prompt(R"(["a",7])"), "prompt[1]");
  std::string many = "[";
  for (size_t i = 0; i <= kCompletionChoicesMax; ++i) many += (i == 0 ? "\"a\"" : ",\"a\"");
  expect_refused(prompt(many + "]"), "prompt", "at most 64");
  Json lists = with(R"("n":16)");
  lists.set("prompt", json(R"(["a","b","c","d","e"])"));
  expect_refused(lists, "n", "at most 64");
  expect_refused(with(R"("suffix":"x")"), "suffix", "unsupported");
  expect_refused(with(R"("best_of":3)"), "best_of", "unsupported");
  expect_refused(with(R"("min_tokens":3)"), "min_tokens", "unsupported");
  expect_refused(with(R"("stop_token_ids":[3])"), "stop_token_ids", "unsupported");
  expect_refused(with(R"("prompt_logprobs":1)"), "prompt_logprobs", "unsupported");
  expect_refused(with(R"("echo":true,"logprobs":1)"), "logprobs", "echo");
  expect_refused(with(R"("logprobs":true)"), "logprobs");
  expect_refused(with(R"("logprobs":21)"), "logprobs");
  expect_refused(with(R"("max_tokens":0)"), "max_tokens");
}

const ReplyHead kHead{.id = "cmpl-1", .model = "m", .created_unix_s = 1'700'000'000};

ChatEvent text_of(std::string text) {
  ChatEvent event;
  event.text = std::move(text);
  return event;
}

ChatEvent end_of(FinishReason reason, Usage usage) {
  ChatEvent event;
  event.kind = ChatEvent::Kind::finished;
  event.reason = reason;
  event.usage = usage;
  return event;
}

TEST(CompletionStream, begins_with_its_first_token_and_ends_with_a_reason) {
  const auto encoder = create_completion_encoder(kHead, {.is_usage_wanted = true});
  EXPECT_TRUE(encoder->begin().empty());
  const auto first = encoder->event(0, text_of("hi"));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].data,
            R"({"id":"cmpl-1","object":"text_completion","created":1700000000,"model":"m",)"
            R"("choices":[{"text":"hi","index":0,"logprobs":null,"finish_reason":null}]})");
  const auto last = encoder->event(0, end_of(FinishReason::length, {7, 3, 4}));
  EXPECT_EQ(json(last[0].data)["choices"].items()[0].dump(),
            R"({"text":"","index":0,"logprobs":null,"finish_reason":"length"})");
  const auto end = encoder->end({});
  ASSERT_EQ(end.size(), 2u);
  EXPECT_EQ(json(end[0].data)["choices"].size(), 0u);
  EXPECT_EQ(json(end[0].data)["usage"].dump(),
            R"({"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,)"
            R"("prompt_tokens_details":{"cached_tokens":4}})");
  EXPECT_EQ(end[1].data, "[DONE]");
}

TEST(CompletionStream, puts_the_prompt_once_before_each_choice) {
  const auto encoder = create_completion_encoder(
      kHead, {.prompts = 2, .choices = 2, .echoes = {"one", "two"}, .is_usage_wanted = false});
  const auto text = [](const std::vector<Frame>& frames) {
    return json(frames[0].data)["choices"].items()[0]["text"].as_string();
  };
  EXPECT_EQ(text(encoder->event(1, text_of(" a"))), "one a");
  EXPECT_EQ(text(encoder->event(1, text_of(" b"))), " b");
  EXPECT_EQ(text(encoder->event(2, end_of(FinishReason::stop, {}))), "two");
  EXPECT_EQ(encoder->end({}).size(), 1u);
}

TEST(CompletionReply, counts_each_prompt_once) {
  const auto encoder = create_completion_encoder(kHead, {.prompts = 2, .choices = 2});
  std::vector<ChatReply> replies(4);
  for (size_t i = 0; i < replies.size(); ++i) {
    replies[i].text = std::string(1, static_cast<char>('a' + i));
    replies[i].usage = {.prompt_tokens = i < 2 ? 5 : 7, .completion_tokens = 1};
  }
  const Json body = encoder->whole(replies);
  ASSERT_EQ(body["choices"].size(), 4u);
  EXPECT_EQ(body["choices"].items()[3]["index"], Json(3));
  EXPECT_EQ(body["choices"].items()[3]["text"], Json("d"));
  EXPECT_EQ(body["usage"]["prompt_tokens"], Json(12));
  EXPECT_EQ(body["usage"]["completion_tokens"], Json(4));
}

TEST(CompletionLogprobs, are_parallel_lists_with_places_in_characters) {
  const auto encoder = create_completion_encoder(kHead, {.are_logprobs_wanted = true});
  ChatEvent text = text_of("hé");
  text.logprobs = {{{"h", -0.5}, {{"h", -0.5}, {"x", -2}}}, {{"\xc3", -1}, {}}};
  const Json first = json(encoder->event(0, text)[0].data)["choices"].items()[0]["logprobs"];
  EXPECT_EQ(first.dump(),
            R"({"tokens":["h","bytes:\\xc3"],"token_logprobs":[-0.5,-1],)"
            R"("top_logprobs":[{"h":-0.5,"x":-2},{"bytes:\\xc3":-1}],"text_offset":[0,1]})");
  ChatEvent more = text_of("!");
  more.logprobs = {{{"\xa9", -1}, {}}, {{"!", -1}, {}}};
  const Json second = json(encoder->event(0, more)[0].data)["choices"].items()[0]["logprobs"];
  EXPECT_EQ(second["text_offset"].dump(), "[2,2]");
}

}  // namespace
}  // namespace plinth::protocol::openai
