// SPDX-License-Identifier: Apache-2.0
#include "engine/tool_calls/reply_parser.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace plinth::engine {
namespace {

const CallFormat& format_of(std::string_view name) {
  const auto found = std::find_if(call_formats().begin(), call_formats().end(),
                                  [&](const CallFormat& format) { return format.name == name; });
  EXPECT_NE(found, call_formats().end()) << name;
  return *found;
}

std::vector<ToolFunction> offered() {
  const Json parameters =
      Json::parse(R"({"type":"object","properties":{"city":{"type":"string"},"n":{}}})").value();
  return {{"f", parameters}, {"g", parameters}};
}

struct Setting {
  std::string_view format = "hermes";
  bool is_chat = false;
  bool is_reasoning_open = false;
  bool has_tools = true;
};

// Text as it is, calls as {name|arguments}, reasoning as (text).
std::string shown(const std::vector<ReplyPart>& parts) {
  std::string text;
  auto before = ReplyPart::Kind::text;
  for (const ReplyPart& part : parts) {
    if (before == ReplyPart::Kind::reasoning && part.kind != before) text += ")";
    if (part.kind == ReplyPart::Kind::reasoning && before != part.kind) text += "(";
    if (part.kind == ReplyPart::Kind::tool_call) {
      text += "{" + part.name + "|" + part.arguments + "}";
    }
    text += part.text;
    before = part.kind;
  }
  return before == ReplyPart::Kind::reasoning ? text + ")" : text;
}

// The same however the reply is cut: in pieces of one size, and in two at every byte.
std::string read(std::string_view reply, const Setting& setting = {}) {
  ReplySyntax syntax;
  syntax.calls = &format_of(setting.format);
  if (!syntax.has_channels()) syntax.reasoning = &reasoning_formats()[0];
  const auto run = [&](const std::vector<std::string_view>& pieces) {
    const auto parser = create_reply_parser(
        {syntax, setting.is_chat, setting.is_reasoning_open, setting.has_tools, offered()});
    std::vector<ReplyPart> parts;
    const auto take = [&](std::vector<ReplyPart> more) {
      std::move(more.begin(), more.end(), std::back_inserter(parts));
    };
    for (const std::string_view piece : pieces) take(parser->feed(piece));
    take(parser->finish());
    return shown(parts);
  };
  const std::string whole = run({reply});
  for (size_t at = 0; at <= reply.size(); ++at) {
    EXPECT_EQ(run({reply.substr(0, at), reply.substr(at)}), whole) << "cut at " << at;
  }
  for (const size_t size : {size_t{1}, size_t{3}, size_t{7}}) {
    std::vector<std::string_view> pieces;
    for (size_t at = 0; at < reply.size(); at += size) pieces.push_back(reply.substr(at, size));
    EXPECT_EQ(run(pieces), whole) << "pieces of " << size;
  }
  return whole;
}

TEST(ReplyParser, splits_calls_out_of_the_text_around_them) {
  EXPECT_EQ(read(R"(Well: <tool_call>{"name":"f","arguments":{"a":1}}</tool_call>)"),
            R"(Well: {f|{"a":1}})");
  EXPECT_EQ(read("<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>"), "{f|{}}");
  EXPECT_EQ(
      read(R"(<tool_call>{"name":"f","arguments":{"a":1}}</tool_call>)", {.has_tools = false}),
      R"(<tool_call>{"name":"f","arguments":{"a":1}}</tool_call>)");
}

TEST(ReplyParser, keeps_the_arguments_text_as_written) {
  EXPECT_EQ(read(R"(<tool_call>{"arguments": { "x" : [1.50, "}\""] } , "name":"g"}</tool_call>)"),
            R"({g|{ "x" : [1.50, "}\""] }})");
  EXPECT_EQ(read(R"(<tool_call>{"name":"g"}</tool_call>)"), "{g|{}}");
  EXPECT_EQ(read(R"(<tool_call>{"name":"g","arguments":"{\"a\": 2}"}</tool_call>)"),
            R"({g|{"a": 2}})");
  EXPECT_EQ(read(R"(<tool_call>{"name":"g","argument\u0073":{"a": 2}}</tool_call>)"),
            R"({g|{"a":2}})");
  EXPECT_EQ(read(R"(<tool_call>{"name":"g","arguments":{"a":"</tool_call>"}}</tool_call>)"),
            R"({g|{"a":"</tool_call>"}})");
}

TEST(ReplyParser, takes_calls_with_white_space_between) {
  EXPECT_EQ(
      read("<tool_call>{\"name\":\"a\"}</tool_call>\n<tool_call>{\"name\":\"b\"}</tool_call>\n"),
      "{a|{}}{b|{}}");
  EXPECT_EQ(read("<tool_call>{\"name\":\"a\"}</tool_call>\n and text"), "{a|{}}\n and text");
}

TEST(ReplyParser, reads_a_call_that_lacks_only_its_closing_tag) {
  EXPECT_EQ(read(R"(<tool_call>{"name":"f","arguments":{}})"), "{f|{}}");
  EXPECT_EQ(read(R"([TOOL_CALLS][{"name":"f","arguments":{}}])", {.format = "mistral"}), "{f|{}}");
}

// Of each family: a reply, and what it says.
struct Case {
  std::string_view format;
  std::string_view reply;
  std::string_view expected;
};

constexpr Case kCalls[] = {
    {"qwen_coder",
     "ok\n<tool_call>\n<function=f>\n<parameter=city>\nNew\nYork\n</parameter>\n<parameter=n>\n"
     "[1, 2]\n</parameter>\n</function>\n</tool_call>",
     "ok\n{f|{\"city\":\"New\\nYork\",\"n\":[1,2]}}"},
    {"qwen_coder",
     "<tool_call><function=f><parameter=city>5</parameter><parameter=n>5</parameter>"
     "</function></tool_call>",
     R"({f|{"city":"5","n":5}})"},
    {"qwen_coder",
     "<tool_call>\n<function=f>\n<parameter=city>\na </tool_call> b\n</parameter>\n</function>\n"
     "</tool_call>",
     R"({f|{"city":"a </tool_call> b"}})"},
    {"qwen_coder", "<tool_call>\n<function=g>\n</function>\n</tool_call>", "{g|{}}"},
    {"llama3", R"({"name": "f", "parameters": {"city": "a}"}})", R"({f|{"city": "a}"}})"},
    {"llama3", R"(<|python_tag|>{"name": "f", "parameters": {}})", "{f|{}}"},
    {"llama3", R"( {"name": "f", "parameters": {}}; {"name": "g", "parameters": {}} )",
     "{f|{}}{g|{}}"},
    {"mistral", R"([TOOL_CALLS] [{"name": "f", "arguments": {"n": [1]}, "id": "x"}])",
     R"({f|{"n": [1]}})"},
    {"mistral",
     R"([TOOL_CALLS][{"name":"f","arguments":{}}, {"name":"g","arguments":{"city":"]"}}])",
     R"({f|{}}{g|{"city":"]"}})"},
    {"mistral_args", R"(See: [TOOL_CALLS]f[ARGS]{"city": "x"}[TOOL_CALLS]g[ARGS]{})",
     R"(See: {f|{"city": "x"}}{g|{}})"},
    {"mistral_args", R"([TOOL_CALLS]f[CALL_ID]abc[ARGS]{"n":1})", R"({f|{"n":1}})"},
    {"phi", R"(<|tool_call|>[{"name":"f","arguments":{"n":1}}]<|/tool_call|>)", R"({f|{"n":1}})"},
    {"phi", R"(<|tool_call|>[{"name":"f"}] and)", "{f|{}} and"},
    {"granite", R"(<|tool_call|>[{"arguments": {"n": 1}, "name": "f"}])", R"({f|{"n": 1}})"},
    {"deepseek",
     "Hm.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"n\": "
     "1}\n```"
     "<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{}\n```"
     "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     R"(Hm.{f|{"n": 1}}{g|{}})"},
    {"deepseek_v31",
     "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"city\": "
     "\"<｜tool▁calls▁end｜>\"}"
     "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
     R"({f|{"city": "<｜tool▁calls▁end｜>"}})"},
    {"harmony",
     R"(<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"n": 1}<|call|>)",
     R"({f|{"n": 1}})"},
    {"harmony",
     "<|channel|>analysis<|message|>Look it up.<|end|><|start|>assistant<|channel|>commentary"
     "<|message|>One moment.<|end|><|start|>assistant to=functions.g<|channel|>commentary json"
     "<|message|>{}",
     "(Look it up.)One moment.{g|{}}"},
    {"harmony", "<|channel|>final<|message|>Hi <b>", "Hi <b>"},
};

TEST(ReplyParser, reads_calls_of_every_family) {
  for (const Case& one : kCalls) {
    SCOPED_TRACE(one.reply);
    EXPECT_EQ(read(one.reply, {.format = one.format}), one.expected);
  }
  for (const CallFormat& format : call_formats()) {
    if (format.name == "hermes") continue;
    EXPECT_TRUE(std::any_of(std::begin(kCalls), std::end(kCalls), [&](const Case& one) {
      return one.format == format.name;
    })) << format.name;
  }
}

constexpr Case kNoCalls[] = {
    {"hermes", "<tool_call>{\"name\":}</tool_call>", ""},
    {"hermes", "<tool_call></tool_call>x", ""},
    {"hermes", "<tool_call>[1]</tool_call>", ""},
    {"hermes", "<tool_call>[]</tool_call>", ""},
    {"hermes", "<tool_call>{\"name\":1}</tool_call>", ""},
    {"hermes", "<tool_call>{\"name\":\"f\",\"arguments\":[1]}</tool_call>", ""},
    {"hermes", "<tool_call>{\"name\":\"f\",\"arguments\":\"no json\"}</tool_call>", ""},
    {"hermes", "<tool_call>{\"name\":\"f\"", ""},
    {"hermes", "<tool_cal", ""},
    {"hermes", "a < b <tool_<tool_call", ""},
    {"hermes", "</tool_call>", ""},
    {"hermes", "<tool_call>{\"a\": \"never closed</tool_call> b", ""},
    {"qwen_coder", "<tool_call>\n<function=f>\n<parameter=city>\nx\n</function>\n</tool_call>", ""},
    {"qwen_coder", "<tool_call>{\"name\":\"f\"}</tool_call> then", ""},
    {"qwen_coder", "<tool_call>\n<function=>\n</function>\n</tool_call>", ""},
    {"llama3", R"({"name": "unknown", "parameters": {}} text)", ""},
    {"llama3", R"({"name": "f"})", ""},
    {"llama3", R"({"city": "Paris", "n": [1, 2]})", ""},
    {"llama3", R"(I say {"name": "f", "parameters": {}})", ""},
    {"llama3", R"({"name": "f", "parameters": {)", ""},
    {"llama3", "<|python_tag|>print(1)", ""},
    {"llama3", "<|python_ta", ""},
    {"mistral", "[TOOL_CALLS][{\"name\":\"f\",", ""},
    {"mistral", "[TOOL_CALLS] nothing of it", ""},
    {"mistral_args", "[TOOL_CALLS]f[ARGS] not json", ""},
    {"mistral_args", "[TOOL_CALLS]f[ARGS]{\"n\":}", ""},
    {"phi", "<|tool_call|>f(1)<|/tool_call|>", ""},
    {"deepseek", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁calls▁end｜>.", ""},
    {"harmony", "Hello <|message|", ""},
    {"harmony", "<|channel|>analysis", ""},
    {"harmony", "assistance", ""},
    {"harmony", "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{\"n\":", ""},
};

TEST(ReplyParser, passes_on_malformed_calls_as_text_byte_for_byte) {
  for (const Case& one : kNoCalls) {
    SCOPED_TRACE(one.reply);
    EXPECT_EQ(read(one.reply, {.format = one.format}), one.reply);
  }
}

TEST(ReplyParser, finds_calls_behind_one_that_never_closes) {
  ReplySyntax syntax;
  syntax.calls = &format_of("hermes");
  const auto parser = create_reply_parser({.syntax = syntax, .has_tools = true});
  const std::string reply = "<tool_call>" + std::string(kCallBytesMax + 1, 'x');
  EXPECT_EQ(shown(parser->feed(reply)), reply);
  EXPECT_EQ(shown(parser->feed("<tool_call>{\"name\":\"f\"}</tool_call>")), "{f|{}}");
}

TEST(ReplyParser, splits_reasoning_off_the_start_of_a_reply) {
  const Setting chat{.is_chat = true};
  EXPECT_EQ(read("<think>\nHm, why?\n</think>\n\nYes.", chat), "(Hm, why?)Yes.");
  EXPECT_EQ(read("<think>\n\n</think>\n\nYes.\n", chat), "Yes.\n");
  EXPECT_EQ(read("\n<think>a <tool_call> b</think><tool_call>{\"name\":\"f\"}</tool_call>", chat),
            "(a <tool_call> b){f|{}}");
  EXPECT_EQ(read("<think>never done </thin", chat), "(never done </thin)");
  EXPECT_EQ(read("<thin", chat), "<thin");
  EXPECT_EQ(read(" Yes <think>no</think>", chat), " Yes <think>no</think>");
  EXPECT_EQ(read("<think>a</think>b", {}), "<think>a</think>b");
  EXPECT_EQ(read(R"(<think>a</think> {"name": "f", "parameters": {}})",
                 {.format = "llama3", .is_chat = true}),
            "(a){f|{}}");
}

TEST(ReplyParser, goes_on_with_reasoning_that_the_prompt_has_begun) {
  const Setting open{.is_chat = true, .is_reasoning_open = true};
  EXPECT_EQ(read("\nSo, then </think> Yes.", open), "(So, then)Yes.");
  EXPECT_EQ(read("all of it ", open), "(all of it)");
  ReplySyntax syntax;
  syntax.calls = &format_of("hermes");
  syntax.reasoning = &reasoning_formats()[0];
  EXPECT_TRUE(is_reasoning_open(syntax, "<｜Assistant｜><think>\n"));
  EXPECT_FALSE(is_reasoning_open(syntax, "<think>\n\n</think>\n\n"));
  EXPECT_FALSE(is_reasoning_open(syntax, ""));
}

TEST(ReplyParser, does_not_take_calls_of_messages_to_others_than_functions) {
  EXPECT_EQ(read("<|channel|>commentary to=python<|message|>{}<|end|>", {.format = "harmony"}),
            "<|channel|>commentary to=python<|message|>{}");
  EXPECT_EQ(read("<|channel|>commentary to=functions.f<|message|>{}",
                 {.format = "harmony", .has_tools = false}),
            "<|channel|>commentary to=functions.f<|message|>{}");
}

}  // namespace
}  // namespace plinth::engine
