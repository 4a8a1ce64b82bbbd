// SPDX-License-Identifier: Apache-2.0
#include "engine/tool_calls/reply_grammar.h"

#include <algorithm>

#include "base/check.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/grammar/front_ends.h"
#include "engine/grammar/json_rules.h"
#include "engine/option_error.h"
#include "engine/tool_calls/parameter_grammar.h"
#include "engine/tool_calls/text_grammar.h"

namespace plinth::engine {
namespace {

using grammar::CharacterSet;
using grammar::ExpressionId;
using grammar::Grammar;
using grammar::RuleId;

constexpr std::string_view kName = "NAME";
constexpr std::string_view kArguments = "ARGUMENTS";
constexpr std::string_view kMaybeSpace = "␣";
constexpr std::string_view kMaybeLine = "⏎";

bool is_required(const ToolUse& tools) { return tools.choice == ToolUse::Choice::required; }

// What a row's text is replaced by.
struct CallParts {
  std::string name;
  ExpressionId arguments = 0;
};

class Writer {
 public:
  explicit Writer(const ReplyRule& rule) : rule_(rule), syntax_(rule.syntax), json_(grammar_) {}
  Result<Grammar> write();

 private:
  Result<ExpressionId> add_reply();
  Result<ExpressionId> add_channels();
  Result<std::optional<ExpressionId>> add_format();
  Result<ExpressionId> add_arguments(const ToolFunction& function);
  Result<ExpressionId> add_calls();  // without the opening tag
  ExpressionId add_reasoning();
  ExpressionId add_row(std::string_view row, const CallParts& parts);
  ExpressionId add_row(std::string_view row) { return add_row(row, {}); }
  ExpressionId add_tag(std::string_view tag);
  ExpressionId add_through(std::string_view tag);  // text, then the tag
  const Marker* find_marker(std::string_view tag) const;

  const ReplyRule& rule_;
  const ReplySyntax& syntax_;
  Grammar grammar_;
  grammar::JsonRules json_;
};

const Marker* Writer::find_marker(std::string_view tag) const {
  const auto found = std::find_if(syntax_.markers.begin(), syntax_.markers.end(),
                                  [&](const Marker& marker) { return marker.text == tag; });
  return found == syntax_.markers.end() ? nullptr : &*found;
}

ExpressionId Writer::add_tag(std::string_view tag) {
  const Marker* marker = find_marker(tag);
  return grammar_.bytes(marker ? marker->grammar_bytes() : std::string(tag));
}

// The text never spells the tag, not even where the tag is one token.
ExpressionId Writer::add_through(std::string_view tag) {
  if (!find_marker(tag)) return add_text_through(grammar_, tag);
  return grammar_.sequence({add_text_without(grammar_, tag), add_tag(tag)});
}

ExpressionId Writer::add_row(std::string_view row, const CallParts& parts) {
  std::vector<ExpressionId> made;
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) made.push_back(grammar_.bytes(literal));
    literal.clear();
  };
  while (!row.empty()) {
    const auto take = [&](std::string_view word) {
      if (!row.starts_with(word)) return false;
      row.remove_prefix(word.size());
      return true;
    };
    if (take(kName)) {
      literal += parts.name;
    } else if (take(kArguments)) {
      end_literal();
      made.push_back(parts.arguments);
    } else if (take(kMaybeSpace)) {
      end_literal();
      made.push_back(grammar_.optional(grammar_.bytes(" ")));
    } else if (take(kMaybeLine)) {
      end_literal();
      made.push_back(grammar_.optional(grammar_.bytes("\n")));
    } else {
      const auto marker =
          std::find_if(syntax_.markers.begin(), syntax_.markers.end(),
                       [&](const Marker& one) { return row.starts_with(one.text); });
      if (marker != syntax_.markers.end()) {
        literal += marker->grammar_bytes();
        row.remove_prefix(marker->text.size());
      } else {
        literal += row[0];
        row.remove_prefix(1);
      }
    }
  }
  end_literal();
  return grammar_.sequence(std::move(made));
}

Error tool_error(const ToolFunction& function, Error error) {
  constexpr std::string_view kPrefix = "grammar: ";
  std::string_view cause = error.message;
  if (cause.starts_with(kPrefix)) cause.remove_prefix(kPrefix.size());
  return option_error("tools", "the parameters of '" + function.name + "': " + std::string(cause));
}

// The arguments are an object, also where the schema does not say so.
Json object_schema(Json schema) {
  if (!schema.is_object()) return Json::object({{"type", "object"}});
  for (const char* keyword : {"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"}) {
    if (schema.contains(keyword)) return schema;
  }
  schema.set("type", "object");
  return schema;
}

Result<ExpressionId> Writer::add_arguments(const ToolFunction& function) {
  const bool is_held = is_required(*rule_.tools) || function.is_strict;
  const bool is_tagged = syntax_.calls->reading == CallReading::until_parameters;
  if (!is_held) return is_tagged ? add_any_parameters(grammar_) : json_.any_object();
  const Json schema = object_schema(function.parameters);
  if (schema.contains("type") && schema["type"].as_string() != "object") {
    return tool_error(function, grammar::grammar_error("\"type\": expected \"object\", got " +
                                                       shorten(schema["type"].dump(), 64)));
  }
  Result<ExpressionId> made = [&]() -> Result<ExpressionId> {
    if (is_tagged) return add_parameters(grammar_, json_, schema);
    return grammar_.call(TRY(grammar::add_json_schema(grammar_, json_, schema.dump())));
  }();
  if (made.is_error()) return tool_error(function, std::move(made).error());
  return made;
}

Result<ExpressionId> Writer::add_calls() {
  const CallFormat& format = *syntax_.calls;
  const RuleId call = grammar_.add_rule("a tool call");
  std::vector<ExpressionId> alternatives;
  for (const ToolFunction& function : rule_.tools->functions) {
    alternatives.push_back(add_row(format.call, {function.name, TRY(add_arguments(function))}));
  }
  grammar_.set_body(call, grammar_.choice(std::move(alternatives)));
  const int most = format.is_single ? 1 : std::min(rule_.tools->calls_max, kHeldCallsMax);
  const ExpressionId more =
      grammar_.repeat(grammar_.sequence({add_row(format.between), grammar_.call(call)}), 0,
                      static_cast<uint32_t>(most - 1));
  return grammar_.sequence({add_row(format.begin), grammar_.call(call), more, add_row(format.end)});
}

ExpressionId Writer::add_reasoning() {
  const ReasoningFormat* format = syntax_.reasoning;
  if (!rule_.is_chat || !format) return grammar_.sequence({});
  const ExpressionId space = grammar_.repeat(grammar_.bytes("\n"), 0, 2);
  const ExpressionId closed = grammar_.sequence({add_through(format->close), space});
  if (rule_.is_reasoning_open) return closed;
  return grammar_.optional(grammar_.sequence({add_tag(format->open), closed}));
}

Result<std::optional<ExpressionId>> Writer::add_format() {
  if (!rule_.format) return std::optional<ExpressionId>();
  if (rule_.format->kind != GrammarText::Kind::json_schema) {
    return grammar::grammar_error(
        "beside tools, or behind reasoning, only a JSON schema is taken; leave the tools out");
  }
  return std::optional(
      grammar_.call(TRY(grammar::add_json_schema(grammar_, json_, rule_.format->text))));
}

Result<ExpressionId> Writer::add_reply() {
  const CallFormat& format = *syntax_.calls;
  const bool is_leading = format.reading == CallReading::leading_json;
  const auto text = TRY(add_format());
  if (!rule_.tools) {
    CHECK(text);
    return *text;
  }
  const ExpressionId calls = TRY(add_calls());
  const ExpressionId opened = is_leading ? calls : grammar_.sequence({add_tag(format.open), calls});
  if (is_required(*rule_.tools)) return opened;
  if (text) return grammar_.choice({*text, opened});
  if (is_leading) {
    // Text that begins like a call would be one.
    const CharacterSet begin{{' ', ' '},   {'\t', '\t'}, {'\n', '\n'},
                             {'\r', '\r'}, {'{', '{'},   {'<', '<'}};
    const ExpressionId free =
        grammar_.sequence({grammar_.characters(begin.complement()), add_any_text(grammar_)});
    return grammar_.choice({grammar_.optional(free), opened});
  }
  return grammar_.choice({add_text_without(grammar_, format.open),
                          grammar_.sequence({add_through(format.open), calls})});
}

Result<ExpressionId> Writer::add_channels() {
  // What begins every tag stands in no text.
  const ExpressionId free = add_text_without(grammar_, "<|");
  const auto text = TRY(add_format());
  ExpressionId analysis = grammar_.sequence({});
  if (rule_.is_chat) {
    analysis = grammar_.optional(grammar_.sequence(
        {add_row("<|channel|>analysis<|message|>"), free, add_row("<|end|><|start|>assistant")}));
  }
  const ExpressionId final_text =
      grammar_.sequence({add_row("<|channel|>final<|message|>"), text ? *text : free});
  if (!rule_.tools) return grammar_.sequence({analysis, final_text});
  const ExpressionId call = TRY(add_calls());
  if (is_required(*rule_.tools)) return grammar_.sequence({analysis, call});
  return grammar_.sequence({analysis, grammar_.choice({final_text, call})});
}

Result<Grammar> Writer::write() {
  const RuleId root = grammar_.add_rule("a reply");
  const ExpressionId reply = TRY(syntax_.has_channels() ? add_channels() : add_reply());
  grammar_.set_body(root,
                    syntax_.has_channels() ? reply : grammar_.sequence({add_reasoning(), reply}));
  return std::move(grammar_);
}

}  // namespace

bool is_reply_grammar_due(const ReplyRule& rule) {
  const bool has_reasoning = rule.is_chat && (rule.syntax.reasoning || rule.syntax.has_channels());
  if (rule.format) return rule.tools || has_reasoning;
  if (!rule.tools) return false;
  const auto& functions = rule.tools->functions;
  return is_required(*rule.tools) ||
         std::any_of(functions.begin(), functions.end(),
                     [](const ToolFunction& function) { return function.is_strict; });
}

std::string reply_grammar_key(const ReplyRule& rule) {
  Json key = Json::array();
  key.push(rule.is_chat).push(rule.is_reasoning_open);
  if (rule.format) key.push(static_cast<int>(rule.format->kind)).push(rule.format->text);
  if (!rule.tools) return key.dump();
  key.push(is_required(*rule.tools)).push(rule.tools->calls_max);
  for (const ToolFunction& function : rule.tools->functions) {
    key.push(function.name).push(function.parameters).push(function.is_strict);
  }
  return key.dump();
}

Result<Grammar> write_reply_grammar(const ReplyRule& rule) { return Writer(rule).write(); }

}  // namespace plinth::engine
