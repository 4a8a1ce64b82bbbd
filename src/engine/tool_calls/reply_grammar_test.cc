// SPDX-License-Identifier: Apache-2.0
// Replies held to a grammar: texts of it are read as valid calls, whatever the family, and models
// of random weights write nothing else.
#include "engine/tool_calls/reply_grammar.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/grammar/testing/oracle.h"
#include "engine/testing/collector.h"
#include "engine/testing/tiny_model.h"
#include "engine/tool_calls/reply_parser.h"

namespace plinth::engine {
namespace {

using grammar::CompiledGrammar;

Json json(std::string_view text) { return Json::parse(text).value(); }

ToolUse weather_tools(ToolUse::Choice choice, bool is_strict = false) {
  ToolUse tools;
  tools.choice = choice;
  const Json weather = json(R"({"type":"object","properties":{
      "city":{"type":"string","maxLength":8},"days":{"type":"integer","minimum":1,"maximum":14},
      "unit":{"type":"string","enum":["celsius","kelvin"]},"places":{"$ref":"#/$defs/places"}},
    "required":["city","days"],
    "$defs":{"places":{"type":"array","items":{"type":"boolean"},"maxItems":2}}})");
  tools.functions.push_back({"get_weather", weather, is_strict});
  const Json nothing = json(R"({"type":"object","properties":{}})");
  tools.functions.push_back({"get_time", nothing, is_strict});
  return tools;
}

struct Setting {
  const CallFormat& calls;
  const ToolUse* tools = nullptr;
  const GrammarText* format = nullptr;
  bool is_chat = false;
  bool is_reasoning_open = false;
};

ReplySyntax syntax_of(const Setting& setting) {
  ReplySyntax syntax;
  syntax.calls = &setting.calls;
  if (!syntax.has_channels()) syntax.reasoning = &reasoning_formats()[0];
  return syntax;
}

ReplyRule rule_of(const Setting& setting, const ReplySyntax& syntax) {
  return {syntax, setting.is_chat, setting.is_reasoning_open, setting.tools, setting.format};
}

std::shared_ptr<CompiledGrammar> compile(const Setting& setting) {
  const ReplySyntax syntax = syntax_of(setting);
  auto written = write_reply_grammar(rule_of(setting, syntax));
  EXPECT_TRUE(written.is_ok()) << written.error().message;
  auto automaton = grammar::Automaton::compile(*written);
  EXPECT_TRUE(automaton.is_ok()) << automaton.error().message;
  return CompiledGrammar::of_automaton(std::move(automaton).value(), grammar::testing::byte_trie());
}

std::vector<ReplyPart> read(const Setting& setting, std::string_view text) {
  const ReplySyntax syntax = syntax_of(setting);
  const auto parser = create_reply_parser(
      {syntax, setting.is_chat, setting.is_reasoning_open, setting.tools != nullptr,
       setting.tools ? setting.tools->functions : std::vector<ToolFunction>()});
  std::vector<ReplyPart> parts = parser->feed(text);
  for (ReplyPart& part : parser->finish()) parts.push_back(std::move(part));
  return parts;
}

void expect_valid(const ToolUse& tools, const std::string& name, const std::string& arguments) {
  const auto function = std::find_if(tools.functions.begin(), tools.functions.end(),
                                     [&](const ToolFunction& one) { return one.name == name; });
  ASSERT_NE(function, tools.functions.end()) << name;
  const auto value = Json::parse(arguments);
  ASSERT_TRUE(value.is_ok()) << arguments;
  EXPECT_TRUE(grammar::testing::is_valid(function->parameters, function->parameters, *value))
      << arguments;
}

const CallFormat& hermes() { return call_formats().back(); }

TEST(ReplyGrammar, asks_every_family_for_valid_calls_and_nothing_else) {
  SeededRandom random(7);
  ToolUse tools = weather_tools(ToolUse::Choice::required);
  for (const int calls_max : {1, ToolUse::kCallsMax}) {
    tools.calls_max = calls_max;
    for (const CallFormat& format : call_formats()) {
      SCOPED_TRACE(format.name);
      const Setting setting{format, &tools};
      const auto compiled = compile(setting);
      size_t most = 0;
      for (int round = 0; round < 200; ++round) {
        std::string text;
        ASSERT_TRUE(grammar::testing::generate(*compiled, random, 400, text));
        const auto parts = read(setting, text);
        most = std::max(most, parts.size());
        ASSERT_FALSE(parts.empty());
        EXPECT_LE(parts.size(), static_cast<size_t>(std::min(calls_max, kHeldCallsMax)));
        for (const ReplyPart& part : parts) {
          ASSERT_EQ(part.kind, ReplyPart::Kind::tool_call) << text;
          expect_valid(tools, part.name, part.arguments);
        }
      }
      EXPECT_EQ(most > 1, calls_max > 1 && !format.is_single);
    }
  }
}

TEST(ReplyGrammar, lets_text_be_and_holds_the_calls_of_strict_functions) {
  SeededRandom random(8);
  const ToolUse tools = weather_tools(ToolUse::Choice::automatic, true);
  for (const CallFormat& format : call_formats()) {
    SCOPED_TRACE(format.name);
    for (const bool is_chat : {false, true}) {
      const Setting setting{format, &tools, nullptr, is_chat};
      const auto compiled = compile(setting);
      for (int round = 0; round < 100; ++round) {
        std::string text;
        if (!grammar::testing::generate(*compiled, random, 300, text)) continue;
        for (const ReplyPart& part : read(setting, text)) {
          if (part.kind != ReplyPart::Kind::tool_call) continue;
          expect_valid(tools, part.name, part.arguments);
        }
      }
    }
  }
}

TEST(ReplyGrammar, tells_text_from_calls) {
  const ToolUse tools = weather_tools(ToolUse::Choice::automatic, true);
  const auto compiled = compile({hermes(), &tools});
  const auto accepts = [&](std::string_view text) {
    return grammar::testing::accepts(*compiled, text);
  };
  for (const char* text :
       {"", "Hello <tool_call",
        "a <<tool_call>{\"name\":\"get_time\",\"arguments\":{}}</tool_call>",
        "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\":\"x\", \"days\":3}}\n"
        "</tool_call>",
        "<tool_call>{\"name\":\"get_time\",\"arguments\":{}}</tool_call>\n"
        "<tool_call>{\"name\":\"get_time\",\"arguments\":{}}</tool_call>"}) {
    EXPECT_TRUE(accepts(text)) << text;
  }
  for (const char* text :
       {"<tool_call>", "a <tool_call> b", "<<tool_call>",
        "<tool_call>{\"name\":\"other\",\"arguments\":{}}</tool_call>",
        "<tool_call>{\"name\":\"get_weather\",\"arguments\":{\"city\":\"x\"}}</tool_call>",
        "<tool_call>{\"name\":\"get_time\",\"arguments\":{}}</tool_call> and text"}) {
    EXPECT_FALSE(accepts(text)) << text;
  }
}

TEST(ReplyGrammar, holds_text_to_a_schema_beside_calls_and_behind_reasoning) {
  const ToolUse tools = weather_tools(ToolUse::Choice::automatic);
  const GrammarText format{GrammarText::Kind::json_schema, R"({"type":"integer"})"};
  const std::string_view call = "<tool_call>{\"name\":\"get_time\",\"arguments\":{}}</tool_call>";
  const auto both = compile({hermes(), &tools, &format});
  EXPECT_TRUE(grammar::testing::accepts(*both, "12"));
  EXPECT_TRUE(grammar::testing::accepts(*both, call));
  EXPECT_FALSE(grammar::testing::accepts(*both, "text"));
  EXPECT_FALSE(grammar::testing::accepts(*both, "<think>x</think>12"));
  const auto chat = compile({hermes(), nullptr, &format, true});
  EXPECT_TRUE(grammar::testing::accepts(*chat, "12"));
  EXPECT_TRUE(grammar::testing::accepts(*chat, "<think>\nhm\n</think>\n\n12"));
  EXPECT_FALSE(grammar::testing::accepts(*chat, "<think>hm</think>why"));
  const auto open = compile({hermes(), nullptr, &format, true, true});
  EXPECT_FALSE(grammar::testing::accepts(*open, "12"));
  EXPECT_TRUE(grammar::testing::accepts(*open, "12</think>12"));
}

TEST(ReplyGrammar, is_due_only_where_it_says_more_than_the_format) {
  const ToolUse free = weather_tools(ToolUse::Choice::automatic);
  const ToolUse strict = weather_tools(ToolUse::Choice::automatic, true);
  const GrammarText format{GrammarText::Kind::json_schema, "{}"};
  const auto is_due = [&](const Setting& setting) {
    const ReplySyntax syntax = syntax_of(setting);
    return is_reply_grammar_due(rule_of(setting, syntax));
  };
  EXPECT_FALSE(is_due({hermes()}));
  EXPECT_FALSE(is_due({hermes(), &free, nullptr, true}));
  EXPECT_FALSE(is_due({hermes(), nullptr, &format}));
  EXPECT_TRUE(is_due({hermes(), &strict}));
  EXPECT_TRUE(is_due({hermes(), &free, &format}));
  EXPECT_TRUE(is_due({hermes(), nullptr, &format, true}));
}

TEST(ReplyGrammar, names_the_function_and_the_keyword_that_it_cannot_keep) {
  const auto refused = [](std::string_view schema, std::string_view format) {
    ToolUse tools;
    tools.choice = ToolUse::Choice::required;
    tools.functions.push_back({"f", json(schema)});
    const auto& row = *std::find_if(call_formats().begin(), call_formats().end(),
                                    [&](const CallFormat& one) { return one.name == format; });
    const Setting setting{row, &tools};
    const ReplySyntax syntax = syntax_of(setting);
    const auto written = write_reply_grammar(rule_of(setting, syntax));
    EXPECT_TRUE(written.is_error());
    EXPECT_EQ(written.error().param, "tools");
    return written.error().message;
  };
  EXPECT_TRUE(
      refused(R"({"type":"object","minProperties":1})", "hermes")
          .starts_with("tools: the parameters of 'f': JSON schema at #, \"minProperties\""));
  EXPECT_NE(refused(R"({"type":"array"})", "hermes").find("expected \"object\""),
            std::string::npos);
  EXPECT_NE(refused(R"({"properties":{"a":{"type":"string","pattern":"x"}}})", "qwen_coder")
                .find("parameter 'a', \"pattern\""),
            std::string::npos);
}

// Chat templates from which each family is found; a vocabulary of bytes has none of their tokens
// but <tool_call>.
constexpr std::pair<std::string_view, std::string_view> kTemplates[] = {
    {"harmony", "<|channel|>"},
    {"deepseek", "<｜tool▁calls▁begin｜>```"},
    {"mistral_args", "[ARGS]"},
    {"mistral", "[TOOL_CALLS]"},
    {"qwen_coder", "<tool_call><function="},
    {"granite", "<|tool_call|>"},
    {"hermes", "<tool_call>"},
    {"deepseek_v31", "<｜tool▁calls▁begin｜>"},
    {"llama3", "<|start_header_id|> \"parameters\": "},
};

TEST(ReplyGrammar, holds_models_of_random_weights_of_every_family) {
  for (const auto& [name, marks] : kTemplates) {
    SCOPED_TRACE(name);
    testing::TinyModel tiny;
    tiny.context = 4096;
    tiny.chat_template = std::string(marks) + "<|assistant|>";
    const auto engine = testing::load_bytes(testing::tiny_model_bytes(tiny), {});
    ASSERT_TRUE(engine.is_ok()) << engine.error().message;
    EXPECT_EQ((*engine)->summary().tool_call_format, name);
    for (const uint64_t seed : {1u, 2u}) {
      GenerateRequest request;
      request.prompt = (*engine)->tokenize("weather", true, true);
      request.sampling.seed = seed;
      request.tools = weather_tools(ToolUse::Choice::required);
      testing::Collector collector;
      collector.submit(**engine, request);
      EXPECT_EQ(collector.wait().reason, GenerateEvent::Reason::tool_calls);
      EXPECT_EQ(collector.text(), "");
      const auto events = collector.events();
      EXPECT_FALSE(events.empty());
      for (const GenerateEvent& event : events) {
        ASSERT_EQ(event.kind, GenerateEvent::Kind::tool_call);
        expect_valid(*request.tools, event.tool_name, event.tool_arguments);
      }
    }
  }
}

TEST(ReplyGrammar, writes_a_familys_tags_as_the_tokens_they_are) {
  testing::TinyModel tiny;
  tiny.chat_template = "<tool_call><|assistant|>";
  const auto engine = testing::load_bytes(testing::tiny_model_bytes(tiny), {});
  ASSERT_TRUE(engine.is_ok()) << engine.error().message;
  GenerateRequest request;
  request.prompt = (*engine)->tokenize("now", true, true);
  request.tools = weather_tools(ToolUse::Choice::required);
  request.tools->calls_max = 1;
  testing::Collector collector;
  collector.submit(**engine, request);
  const std::vector<Token> tokens = collector.wait().tokens;
  ASSERT_GT(tokens.size(), 2u);
  EXPECT_EQ(tokens.front(), (*engine)->tokenize("<tool_call>", false, true)[0]);
  EXPECT_EQ(tokens.back(), (*engine)->tokenize("</tool_call>", false, true)[0]);
}

}  // namespace
}  // namespace plinth::engine
