// SPDX-License-Identifier: Apache-2.0
#include "engine/batcher/reply.h"

#include <gtest/gtest.h>

namespace plinth::engine {
namespace {

// Everything a reply passes on when it comes byte by byte: text joined, calls as [name arguments].
std::string pass(Reply& reply, std::string_view bytes) {
  std::string passed;
  const auto take = [&](const std::vector<GenerateEvent>& events) {
    for (const GenerateEvent& event : events) {
      if (event.kind == GenerateEvent::Kind::tool_call) {
        passed += "[" + event.tool_name + " " + event.tool_arguments + "]";
      } else {
        passed +=
            event.kind == GenerateEvent::Kind::reasoning ? "(" + event.text + ")" : event.text;
      }
    }
  };
  for (const char c : bytes) {
    if (!reply.is_stopped()) take(reply.feed(std::string_view(&c, 1)));
  }
  take(reply.finish());
  return passed;
}

TEST(Reply, never_passes_on_any_part_of_a_stop_string) {
  Reply reply(ReplyOptions{.stops = {"STOP", "\n\n"}});
  EXPECT_EQ(pass(reply, "aSTO STOb STOP c"), "aSTO STOb ");
  EXPECT_TRUE(reply.is_stopped());
  EXPECT_EQ(reply.stop_match(), "STOP");
  Reply lines(ReplyOptions{.stops = {"STOP", "\n\n"}});
  EXPECT_EQ(pass(lines, "a\nb\n\nSTOP"), "a\nb");
  EXPECT_EQ(lines.stop_match(), "\n\n");
}

TEST(Reply, passes_on_what_only_looked_like_a_stop_string) {
  Reply reply(ReplyOptions{.stops = {"STOP"}});
  EXPECT_EQ(pass(reply, "STSTO"), "STSTO");
  EXPECT_FALSE(reply.is_stopped());
  EXPECT_EQ(reply.stop_match(), "");
}

TEST(Reply, matches_stop_strings_that_overlap_themselves) {
  Reply reply(ReplyOptions{.stops = {"aab"}});
  EXPECT_EQ(pass(reply, "aaab!"), "a");
}

ReplySyntax hermes() {
  ReplySyntax syntax;
  syntax.calls = &call_formats().back();
  syntax.reasoning = &reasoning_formats().front();
  return syntax;
}

TEST(Reply, splits_tool_calls_and_reasoning_only_when_asked) {
  const ReplySyntax syntax = hermes();
  const std::string_view text = R"(<think>x</think>so <tool_call>{"name":"f"}</tool_call>)";
  ToolUse tools;
  tools.functions.push_back({"f", Json::object()});
  Reply asked(ReplyOptions{.syntax = &syntax, .is_chat = true, .tools = tools});
  EXPECT_EQ(pass(asked, text), "(x)so [f {}]");
  EXPECT_TRUE(asked.has_tool_calls());
  EXPECT_FALSE(asked.is_stopped());
  Reply plain(ReplyOptions{.syntax = &syntax});
  EXPECT_EQ(pass(plain, text), text);
  EXPECT_FALSE(plain.has_tool_calls());
}

TEST(Reply, ends_with_the_last_call_there_may_be) {
  const ReplySyntax syntax = hermes();
  const std::string_view call = R"(<tool_call>{"name":"f"}</tool_call>)";
  ToolUse tools;
  tools.functions.push_back({"f", Json::object()});
  tools.calls_max = 1;
  Reply reply(ReplyOptions{.syntax = &syntax, .tools = tools});
  EXPECT_EQ(pass(reply, std::string(call) + std::string(call) + "text"), "[f {}]");
  EXPECT_TRUE(reply.is_stopped());
}

TEST(Reply, passes_on_whole_code_points) {
  Reply reply(ReplyOptions{.stops = {}});
  EXPECT_TRUE(reply.feed("\xe4\xbd").empty());
  const auto events = reply.feed("\xa0");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].text, "\xe4\xbd\xa0");
}

}  // namespace
}  // namespace plinth::engine
