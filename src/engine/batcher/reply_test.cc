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
      passed += event.kind == GenerateEvent::Kind::tool_call
                    ? "[" + event.tool_name + " " + event.tool_arguments + "]"
                    : event.text;
    }
  };
  for (const char c : bytes) {
    if (!reply.is_stopped()) take(reply.feed(std::string_view(&c, 1)));
  }
  take(reply.finish());
  return passed;
}

TEST(Reply, never_passes_on_any_part_of_a_stop_string) {
  Reply reply({"STOP", "\n\n"}, false);
  EXPECT_EQ(pass(reply, "aSTO STOb STOP c"), "aSTO STOb ");
  EXPECT_TRUE(reply.is_stopped());
  EXPECT_EQ(reply.stop_match(), "STOP");
  Reply lines({"STOP", "\n\n"}, false);
  EXPECT_EQ(pass(lines, "a\nb\n\nSTOP"), "a\nb");
  EXPECT_EQ(lines.stop_match(), "\n\n");
}

TEST(Reply, passes_on_what_only_looked_like_a_stop_string) {
  Reply reply({"STOP"}, false);
  EXPECT_EQ(pass(reply, "STSTO"), "STSTO");
  EXPECT_FALSE(reply.is_stopped());
  EXPECT_EQ(reply.stop_match(), "");
}

TEST(Reply, matches_stop_strings_that_overlap_themselves) {
  Reply reply({"aab"}, false);
  EXPECT_EQ(pass(reply, "aaab!"), "a");
}

TEST(Reply, splits_tool_calls_only_when_asked) {
  const std::string_view text = R"(so <tool_call>{"name":"f","arguments":{"a": 1}}</tool_call>)";
  Reply asked({}, true);
  EXPECT_EQ(pass(asked, text), "so [f {\"a\": 1}]");
  EXPECT_TRUE(asked.has_tool_calls());
  Reply plain({}, false);
  EXPECT_EQ(pass(plain, text), text);
  EXPECT_FALSE(plain.has_tool_calls());
}

TEST(Reply, passes_on_whole_code_points) {
  Reply reply({}, false);
  EXPECT_TRUE(reply.feed("\xe4\xbd").empty());
  const auto events = reply.feed("\xa0");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].text, "\xe4\xbd\xa0");
}

}  // namespace
}  // namespace plinth::engine
