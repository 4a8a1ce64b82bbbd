// SPDX-License-Identifier: Apache-2.0
#include "engine/tool_calls/tool_calls.h"

#include <gtest/gtest.h>

namespace plinth::engine {
namespace {

// Text as it is, calls as {name|arguments}; the same for every size of the pieces fed.
std::string split(std::string_view reply) {
  std::string first;
  for (size_t piece : {reply.size() + 1, size_t{1}, size_t{3}, size_t{7}}) {
    ToolCallParser parser;
    std::string shown;
    const auto take = [&](const std::vector<ReplyPart>& parts) {
      for (const ReplyPart& part : parts) {
        shown += part.is_tool_call ? "{" + part.name + "|" + part.arguments + "}" : part.text;
      }
    };
    for (size_t at = 0; at < reply.size(); at += piece) take(parser.feed(reply.substr(at, piece)));
    take(parser.finish());
    if (first.empty()) first = shown;
    EXPECT_EQ(shown, first) << "pieces of " << piece;
  }
  return first;
}

TEST(ToolCalls, are_split_out_of_the_text_around_them) {
  EXPECT_EQ(split(R"(Well: <tool_call>{"name":"f","arguments":{"a":1}}</tool_call>)"),
            R"(Well: {f|{"a":1}})");
  EXPECT_EQ(split("<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>"), "{f|{}}");
}

TEST(ToolCalls, keep_the_arguments_text_as_written) {
  EXPECT_EQ(split(R"(<tool_call>{"arguments": { "x" : [1.50, "}\""] } , "name":"g"}</tool_call>)"),
            R"({g|{ "x" : [1.50, "}\""] }})");
  EXPECT_EQ(split(R"(<tool_call>{"name":"g"}</tool_call>)"), "{g|{}}");
  EXPECT_EQ(split(R"(<tool_call>{"name":"g","arguments":"{\"a\": 2}"}</tool_call>)"),
            R"({g|{"a": 2}})");
  EXPECT_EQ(split(R"(<tool_call>{"name":"g","argument\u0073":{"a": 2}}</tool_call>)"),
            R"({g|{"a":2}})");
}

TEST(ToolCalls, can_follow_one_another_with_white_space_between) {
  EXPECT_EQ(
      split("<tool_call>{\"name\":\"a\"}</tool_call>\n<tool_call>{\"name\":\"b\"}</tool_call>\n"),
      "{a|{}}{b|{}}");
  EXPECT_EQ(split("<tool_call>{\"name\":\"a\"}</tool_call>\n and text"), "{a|{}}\n and text");
}

TEST(ToolCalls, that_are_malformed_pass_on_as_text_byte_for_byte) {
  for (const std::string_view reply :
       {"<tool_call>{\"name\":}</tool_call>", "<tool_call></tool_call>x",
        "<tool_call>[1]</tool_call>", "<tool_call>{\"name\":1}</tool_call>",
        "<tool_call>{\"name\":\"f\",\"arguments\":[1]}</tool_call>",
        "<tool_call>{\"name\":\"f\",\"arguments\":\"no json\"}</tool_call>",
        "<tool_call>{\"name\":\"f\"", "<tool_cal", "a < b <tool_<tool_call", "</tool_call>",
        "plain"}) {
    EXPECT_EQ(split(reply), reply);
  }
}

TEST(ToolCalls, are_found_behind_one_that_never_closes) {
  std::string reply = "<tool_call>" + std::string(ToolCallParser::kCallBytesMax, 'x');
  ToolCallParser parser;
  std::string text;
  for (const ReplyPart& part : parser.feed(reply)) text += part.text;
  EXPECT_EQ(text, reply);
  const auto parts = parser.feed("<tool_call>{\"name\":\"f\"}</tool_call>");
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].name, "f");
}

}  // namespace
}  // namespace plinth::engine
