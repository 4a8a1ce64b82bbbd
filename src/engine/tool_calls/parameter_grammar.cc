// SPDX-License-Identifier: Apache-2.0
#include "engine/tool_calls/parameter_grammar.h"

#include <algorithm>

#include "base/text.h"
#include "engine/grammar/front_ends.h"
#include "engine/tool_calls/text_grammar.h"

namespace plinth::engine {
namespace {

using grammar::CharacterSet;
using grammar::ExpressionId;
using grammar::Grammar;
using grammar::grammar_error;
using grammar::kUnbounded;

constexpr std::string_view kClose = "</parameter>";
constexpr size_t kParametersMax = 256;
constexpr size_t kSchemaBytesMax = 64u << 10;
constexpr std::string_view kNoNameCharacters = "<>\n";

ExpressionId closed(Grammar& g, ExpressionId value) {
  return g.sequence({value, g.bytes("\n"), g.bytes(kClose)});
}

Result<uint32_t> bound_of(const Json& schema, const std::string& name, const char* keyword,
                          uint32_t otherwise) {
  const Json* value = schema.find(keyword);
  if (value == nullptr) return otherwise;
  const int64_t count = value->as_int(-1);
  if (count >= 0 && count <= int64_t{grammar::kRepetitionsMax}) return static_cast<uint32_t>(count);
  return grammar_error("parameter '" + name + "', \"" + keyword + "\": expected 0 to " +
                       std::to_string(grammar::kRepetitionsMax));
}

Result<ExpressionId> add_text(Grammar& g, const std::string& name, const Json& schema) {
  for (const char* keyword : {"pattern", "format"}) {
    if (!schema.contains(keyword)) continue;
    return grammar_error("parameter '" + name + "', \"" + keyword +
                         "\": not taken of a text in this model's format of calls; leave it out");
  }
  const Json* constant = schema.find("const");
  const Json listed = constant ? Json(Json::Array{*constant}) : schema["enum"];
  if (listed.is_array()) {
    std::vector<ExpressionId> parts;
    for (const Json& value : listed.items()) {
      if (value.is_string()) parts.push_back(g.bytes(value.as_string()));
    }
    return closed(g, g.choice(std::move(parts)));
  }
  const uint32_t least = TRY(bound_of(schema, name, "minLength", 0));
  const uint32_t most = TRY(bound_of(schema, name, "maxLength", kUnbounded));
  if (least == 0 && most == kUnbounded) return add_text_through(g, kClose);
  if (least > most) return g.choice({});
  // Without the character that begins a tag, so that the length is that of the whole value.
  return closed(g, g.repeat(g.characters(CharacterSet{{'<', '<'}}.complement()), least, most));
}

Result<ExpressionId> add_value(Grammar& g, grammar::JsonRules& json, const std::string& name,
                               const Json& value, const Json& schema) {
  if (value["type"].as_string() == "string") return add_text(g, name, value);
  Json whole = value;
  if (whole.is_object()) {
    for (const char* keyword : {"$defs", "definitions"}) {
      if (schema.contains(keyword)) whole.set(keyword, schema[keyword]);
    }
  }
  return closed(g, g.call(TRY(grammar::add_json_schema(g, json, whole.dump()))));
}

}  // namespace

Result<ExpressionId> add_parameters(Grammar& grammar, grammar::JsonRules& json,
                                    const Json& schema) {
  for (const char* keyword : {"anyOf", "oneOf", "allOf", "$ref", "not", "if"}) {
    if (!schema.contains(keyword)) continue;
    return grammar_error("\"" + std::string(keyword) +
                         "\" at the top: this model's format of calls needs `properties` there");
  }
  if (schema["properties"].size() > kParametersMax) {
    return grammar_error("\"properties\": " + std::to_string(schema["properties"].size()) +
                         " of them; at most " + std::to_string(kParametersMax) + " are taken");
  }
  if (const size_t bytes = schema.dump().size(); bytes > kSchemaBytesMax) {
    return grammar_error("the schema has " + std::to_string(bytes) + " bytes; at most " +
                         std::to_string(kSchemaBytesMax) + " are taken");
  }
  const auto& required = schema["required"].items();
  std::vector<ExpressionId> members;
  for (const auto& [name, value] : schema["properties"].members()) {
    if (name.empty() || name.find_first_of(kNoNameCharacters) != std::string::npos) {
      return grammar_error("parameter '" + shorten(name, 64) +
                           "': a name with '<', '>' or a line break cannot be written");
    }
    const ExpressionId member =
        grammar.sequence({grammar.bytes("<parameter=" + name + ">\n"),
                          TRY(add_value(grammar, json, name, value, schema)), grammar.bytes("\n")});
    const bool is_required =
        std::find(required.begin(), required.end(), Json(name)) != required.end();
    members.push_back(is_required ? member : grammar.optional(member));
    TRY(grammar.check_size());
  }
  for (const Json& name : required) {
    if (schema["properties"].contains(name.as_string())) continue;
    return grammar_error("\"required\": '" + shorten(name.as_string(), 64) +
                         "' is not among the properties; describe it there");
  }
  return grammar.sequence(std::move(members));
}

ExpressionId add_any_parameters(Grammar& grammar) {
  const CharacterSet no_name{{'<', '<'}, {'>', '>'}, {'\n', '\n'}};
  const ExpressionId name = grammar.repeat(grammar.characters(no_name.complement()), 1, 64);
  return grammar.repeat(grammar.sequence({grammar.bytes("<parameter="), name, grammar.bytes(">\n"),
                                          add_text_through(grammar, kClose), grammar.bytes("\n")}),
                        0, kUnbounded);
}

}  // namespace plinth::engine
