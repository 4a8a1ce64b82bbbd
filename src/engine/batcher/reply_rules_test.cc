// SPDX-License-Identifier: Apache-2.0
// How replies of a whole engine are told apart: what the prompt left open, and what may be called.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine/testing/collector.h"
#include "engine/testing/tiny_model.h"

namespace plinth::engine {
namespace {

std::unique_ptr<Engine> thinking_engine() {
  testing::TinyModel tiny;
  tiny.chat_template = "{{ messages[0].content }}<|assistant|><think>\n";
  return testing::load_bytes(testing::tiny_model_bytes(tiny), {}).value();
}

GenerateRequest chat_of(const Engine& engine) {
  GenerateRequest request;
  Json messages = Json::array();
  messages.push(Json::object({{"role", "user"}, {"content", "why"}}));
  request.prompt = engine.render_chat(messages, Json()).value();
  request.sampling.seed = 5;
  request.max_tokens = 24;
  request.is_end_honoured = false;
  return request;
}

TEST(ReplyRules, take_a_reply_to_a_prompt_that_opens_reasoning_as_reasoning) {
  const auto engine = thinking_engine();
  EXPECT_EQ(engine->summary().reasoning_format, "think");
  GenerateRequest request = chat_of(*engine);
  testing::Collector plain;
  plain.submit(*engine, request);
  EXPECT_EQ(plain.wait().reasoning_tokens, 0);
  EXPECT_FALSE(plain.text().empty());
  request.is_chat = true;
  testing::Collector chat;
  chat.submit(*engine, request);
  const GenerateEvent end = chat.wait();
  EXPECT_EQ(end.completion_tokens, 24);
  EXPECT_EQ(end.reasoning_tokens, 24);
  EXPECT_FALSE(chat.events().empty());
  for (const GenerateEvent& event : chat.events()) {
    EXPECT_EQ(event.kind, GenerateEvent::Kind::reasoning);
  }
}

TEST(ReplyRules, refuse_tools_that_cannot_be_called) {
  const auto engine = thinking_engine();
  GenerateRequest request = chat_of(*engine);
  const auto expect_refused = [&] {
    const auto refused = engine->submit(request, [](GenerateEvent) {});
    ASSERT_TRUE(refused.is_error());
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(refused.error().param, "tools");
  };
  request.tools = ToolUse();
  expect_refused();
  request.tools->functions.push_back({"a\"b", Json()});
  expect_refused();
  request.tools->functions[0].name = "f";
  request.tools->calls_max = 0;
  expect_refused();
  request.tools->calls_max = 1;
  request.tools->choice = ToolUse::Choice::required;
  expect_refused();  // what holds a reply also ends it
}

}  // namespace
}  // namespace plinth::engine
