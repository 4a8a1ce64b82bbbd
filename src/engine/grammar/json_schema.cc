// SPDX-License-Identifier: Apache-2.0
// JSON Schema to a grammar. What the grammar allows is always valid for the schema; it is narrower
// where a grammar must choose: members come in the schema's order, strings, names and numbers are
// written in one way, and an object or array that names its parts has no others unless asked for.
#include <algorithm>
#include <map>

#include "base/json.h"
#include "base/text.h"
#include "engine/grammar/formats.h"
#include "engine/grammar/front_ends.h"
#include "engine/grammar/json_rules.h"
#include "engine/grammar/number_ranges.h"
#include "engine/grammar/schema_document.h"

namespace plinth::engine::grammar {
namespace {

constexpr int kSchemasMax = 20000;  // met while compiling, those met again included

class SchemaCompiler {
 public:
  SchemaCompiler(const SchemaDocument& document, Grammar& grammar, JsonRules& json)
      : document_(document), grammar_(grammar), json_(json) {}
  Result<RuleId> compile();

 private:
  Result<ExpressionId> add(const Json& schema, const std::string& path, int depth);
  Result<ExpressionId> add_reference(const Json& reference, const std::string& path);
  Result<ExpressionId> add_alternatives(const Json& schema, const char* keyword,
                                        const std::string& path, int depth);
  Status check_one_of(const Json& branches, const std::string& path) const;
  Result<ExpressionId> add_listed(const Json& schema, const std::string& path);
  Result<ExpressionId> add_type(const Json& schema, const std::string& type,
                                const std::string& path, int depth);
  Result<ExpressionId> add_number(const Json& schema, NumberKind kind, const std::string& path);
  Result<ExpressionId> add_string(const Json& schema, const std::string& path);
  Result<ExpressionId> add_array(const Json& schema, const std::string& path, int depth);
  Result<ExpressionId> add_object(const Json& schema, const std::string& path, int depth);
  Result<ExpressionId> nothing() { return grammar_.choice({}); }

  const SchemaDocument& document_;
  Grammar& grammar_;
  JsonRules& json_;
  std::map<std::string, RuleId> references_;
  std::vector<std::pair<std::string, RuleId>> open_;  // references whose rules have no body yet
  int schemas_ = 0;
};

Result<RuleId> SchemaCompiler::compile() {
  const RuleId root = grammar_.add_rule("JSON schema");
  references_["#"] = root;
  grammar_.set_body(root, TRY(add(document_.root(), "#", 0)));
  while (!open_.empty()) {
    const auto [reference, rule] = open_.back();
    open_.pop_back();
    const Json* target = TRY(document_.resolve(reference));
    grammar_.set_body(rule, TRY(add(*target, reference, 0)));
  }
  TRY(grammar_.check_size());
  return root;
}

Result<ExpressionId> SchemaCompiler::add(const Json& schema, const std::string& path, int depth) {
  if (depth > kNestingMax || ++schemas_ > kSchemasMax) {
    return grammar_error("JSON schema at " + shorten(path, 200) + ": schemas nest deeper than " +
                         std::to_string(kNestingMax) + ", or are more than " +
                         std::to_string(kSchemasMax) + "; use $ref where a schema repeats itself");
  }
  TRY(grammar_.check_size());
  if (schema.is_bool()) return schema.as_bool() ? json_.any_value() : nothing();
  if (!schema.is_object()) {
    return grammar_error("JSON schema at " + shorten(path, 200) + ": expected an object, got " +
                         std::string(schema.type_name()));
  }
  TRY(SchemaDocument::check_keywords(schema, path));
  const auto limits = SchemaDocument::limits_of(schema);
  if (limits.empty()) return json_.any_value();
  if (schema.contains("$ref") && limits.size() == 1) return add_reference(schema["$ref"], path);
  if (schema["allOf"].size() == 1 && limits.size() == 1) {
    return add(schema["allOf"].items()[0], path + "/allOf/0", depth + 1);
  }
  if (schema.contains("$ref") || schema.contains("allOf")) {
    return add(TRY(document_.flatten(schema, path)), path, depth + 1);
  }
  for (const char* keyword : {"anyOf", "oneOf"}) {
    if (schema.contains(keyword)) return add_alternatives(schema, keyword, path, depth);
  }
  if (schema.contains("enum") || schema.contains("const")) return add_listed(schema, path);
  const auto types = TRY(types_of(schema, path));
  const auto has = [&](const char* type) {
    return std::find(types.begin(), types.end(), type) != types.end();
  };
  std::vector<ExpressionId> parts;
  for (const std::string& type : types) {
    if (type == "integer" && has("number")) continue;
    parts.push_back(TRY(add_type(schema, type, path, depth)));
  }
  return grammar_.choice(std::move(parts));
}

Result<ExpressionId> SchemaCompiler::add_reference(const Json& reference, const std::string& path) {
  if (!reference.is_string()) return schema_error(path, "$ref", "expected a string");
  TRY(document_.resolve(reference.as_string()));
  const auto [found, is_new] = references_.try_emplace(reference.as_string(), 0);
  if (is_new) {
    found->second = grammar_.add_rule("JSON schema at " + shorten(reference.as_string(), 128));
    open_.emplace_back(reference.as_string(), found->second);
  }
  return grammar_.call(found->second);
}

Result<ExpressionId> SchemaCompiler::add_alternatives(const Json& schema, const char* keyword,
                                                      const std::string& path, int depth) {
  const Json& branches = schema[keyword];
  if (!branches.is_array() || branches.size() == 0) {
    return schema_error(path, keyword, "expected an array of schemas");
  }
  Json base = schema;
  for (const char* left_out : {keyword, "$defs", "definitions"}) base.erase(left_out);
  const bool has_base = !SchemaDocument::limits_of(base).empty();
  Json joined = Json::array();
  for (const Json& branch : branches.items()) {
    joined.push(has_base ? Json::object({{"allOf", Json(Json::Array{base, branch})}}) : branch);
  }
  if (std::string_view(keyword) == "oneOf") TRY(check_one_of(joined, path));
  std::vector<ExpressionId> parts;
  for (size_t i = 0; i < joined.size(); ++i) {
    const std::string place = path + "/" + keyword + "/" + std::to_string(i);
    parts.push_back(TRY(add(joined.items()[i], place, depth + 1)));
  }
  return grammar_.choice(std::move(parts));
}

Status SchemaCompiler::check_one_of(const Json& branches, const std::string& path) const {
  const auto& items = branches.items();
  for (size_t i = 0; i < items.size(); ++i) {
    for (size_t j = i + 1; j < items.size(); ++j) {
      if (document_.are_disjoint(items[i], items[j])) continue;
      return schema_error(path, "oneOf",
                          "parts " + std::to_string(i) + " and " + std::to_string(j) +
                              " may both be valid for one value; write anyOf, or tell them apart "
                              "by a required property with different constants");
    }
  }
  return ok();
}

Result<ExpressionId> SchemaCompiler::add_listed(const Json& schema, const std::string& path) {
  for (const std::string_view keyword : SchemaDocument::limits_of(schema)) {
    if (keyword == "enum" || keyword == "const" || keyword == "type") continue;
    return schema_error(path, keyword, "it is not taken beside enum or const; list what is valid");
  }
  if (schema.contains("enum") && !schema["enum"].is_array()) {
    return schema_error(path, "enum", "expected an array");
  }
  const auto types = TRY(types_of(schema, path));
  const Json* constant = schema.find("const");
  const Json values = constant != nullptr ? Json(Json::Array{*constant}) : schema["enum"];
  std::vector<ExpressionId> parts;
  for (const Json& value : values.items()) {
    const auto& listed = schema["enum"].items();
    const bool is_listed =
        !schema.contains("enum") || std::find(listed.begin(), listed.end(), value) != listed.end();
    const bool is_typed = std::any_of(
        types.begin(), types.end(), [&](const std::string& type) { return is_type(value, type); });
    if (is_listed && is_typed) parts.push_back(grammar_.bytes(value.dump()));
  }
  return grammar_.choice(std::move(parts));
}

Result<ExpressionId> SchemaCompiler::add_type(const Json& schema, const std::string& type,
                                              const std::string& path, int depth) {
  if (type == "null") return json_.null();
  if (type == "boolean") return json_.boolean();
  if (type == "integer") return add_number(schema, NumberKind::integer, path);
  if (type == "number") return add_number(schema, NumberKind::any, path);
  if (type == "string") return add_string(schema, path);
  if (type == "array") return add_array(schema, path, depth);
  return add_object(schema, path, depth);
}

Result<ExpressionId> SchemaCompiler::add_number(const Json& schema, NumberKind kind,
                                                const std::string& path) {
  struct Row {
    const char* keyword;
    bool is_low;
    bool is_exclusive;
  };
  constexpr Row kRows[] = {{"minimum", true, false},
                           {"exclusiveMinimum", true, true},
                           {"maximum", false, false},
                           {"exclusiveMaximum", false, true}};
  std::optional<Bound> low, high;
  for (const Row& row : kRows) {
    const Json* value = schema.find(row.keyword);
    if (value == nullptr) continue;
    const auto decimal =
        value->is_number() ? read_decimal(value->dump()) : std::optional<Decimal>();
    if (!decimal) {
      return schema_error(path, row.keyword,
                          "expected a number of moderate size, got " + shorten(value->dump(), 40));
    }
    std::optional<Bound>& bound = row.is_low ? low : high;
    // The exclusive one comes second and wins where both are equal.
    const int order = bound ? compare(*decimal, bound->value) : 0;
    if (!bound || (row.is_low ? order >= 0 : order <= 0)) bound = {*decimal, row.is_exclusive};
  }
  if (!low && !high) return kind == NumberKind::any ? json_.any_number() : json_.any_integer();
  return add_number_between(grammar_, kind, low, high);
}

// A count that a keyword holds: a number without a fraction.
Result<std::optional<uint32_t>> count_of(const Json& schema, std::string_view keyword,
                                         const std::string& path) {
  const Json* value = schema.find(keyword);
  if (value == nullptr) return std::optional<uint32_t>();
  const double number = value->as_double(-1);
  if (!value->is_number() || !is_type(*value, "integer") || number < 0) {
    return schema_error(path, keyword, "expected a number of 0 or above");
  }
  if (number > kRepetitionsMax) {
    return schema_error(path, keyword,
                        shorten(value->dump(), 40) + " is more than the " +
                            std::to_string(kRepetitionsMax) + " a grammar counts to; lower it");
  }
  return std::optional(static_cast<uint32_t>(number));
}

Result<ExpressionId> SchemaCompiler::add_string(const Json& schema, const std::string& path) {
  const uint32_t least = TRY(count_of(schema, "minLength", path)).value_or(0);
  const auto most = TRY(count_of(schema, "maxLength", path));
  const Json* pattern = schema.find("pattern");
  const Json* format = schema.find("format");
  if (most && *most < least) return nothing();
  if (pattern != nullptr && format != nullptr) {
    return schema_error(path, "format", "it is not taken beside pattern; keep one of them");
  }
  if (pattern == nullptr && format == nullptr) {
    const bool is_free = least == 0 && !most;
    return is_free ? json_.any_string() : json_.string_of_length(least, most.value_or(kUnbounded));
  }
  const Json& value = pattern != nullptr ? *pattern : *format;
  const std::string keyword = pattern != nullptr ? "pattern" : "format";
  if (!value.is_string()) return schema_error(path, keyword, "expected a string");
  std::string text = value.as_string();
  const std::string name = "JSON schema at " + shorten(path, 200) + ", \"" + keyword + "\"";
  if (format != nullptr) {
    std::vector<std::string> known;
    const Format* found = nullptr;
    for (const Format& row : format_table()) {
      known.emplace_back(row.name);
      if (row.name == text) found = &row;
    }
    if (found == nullptr) {
      return schema_error(path, "format",
                          "'" + shorten(text, 40) + "' is not taken; there are " +
                              join(known, ", ") + "; or write a pattern");
    }
    text = found->pattern();
  }
  PatternOptions options;
  options.name = name;
  options.writing = Writing::json_string;
  options.matching = pattern != nullptr ? Matching::anywhere : Matching::whole;
  options.length_min = least;
  options.length_max = most.value_or(kUnbounded);
  return json_.quoted(TRY(add_pattern(grammar_, text, options)));
}

// Parts of prefixItems one by one, each with what may follow it; behind them items.
Result<ExpressionId> SchemaCompiler::add_array(const Json& schema, const std::string& path,
                                               int depth) {
  const Json& prefix = schema["prefixItems"];
  const Json* items = schema.find("items");
  const uint32_t least = TRY(count_of(schema, "minItems", path)).value_or(0);
  const auto most = TRY(count_of(schema, "maxItems", path));
  if (items != nullptr && items->is_array()) {
    return schema_error(path, "items", "a list is not taken here; write prefixItems");
  }
  if (schema.contains("prefixItems") && (!prefix.is_array() || prefix.size() > kNestingMax)) {
    return schema_error(path, "prefixItems",
                        "expected an array of at most " + std::to_string(kNestingMax) + " schemas");
  }
  if (most && *most < least) return nothing();
  const auto listed = static_cast<uint32_t>(prefix.size());
  const bool has_rest = items != nullptr ? !(*items == Json(false)) : listed == 0 || least > listed;
  uint32_t end = most.value_or(kUnbounded);
  if (!has_rest) end = std::min(end, listed);
  if (least > end) return nothing();
  const auto open = grammar_.bytes("["), close = grammar_.bytes("]");
  if (!has_rest && end == 0) return grammar_.bytes("[]");

  // From the last part to the first: what may stand from part i on, its comma included.
  ExpressionId tail = grammar_.sequence({});
  if (has_rest && end > listed) {
    const Json rest_schema = items != nullptr ? *items : Json(true);
    const ExpressionId item = TRY(add(rest_schema, path + "/items", depth + 1));
    const uint32_t rest_least = least > listed ? least - listed : 0;
    const uint32_t rest_most = end == kUnbounded ? kUnbounded : end - listed;
    if (listed > 0) {
      tail = grammar_.repeat(grammar_.sequence({json_.comma(), item}), rest_least, rest_most);
    } else {
      const uint32_t later_most = rest_most == kUnbounded ? kUnbounded : rest_most - 1;
      const ExpressionId later = grammar_.repeat(grammar_.sequence({json_.comma(), item}),
                                                 rest_least > 0 ? rest_least - 1 : 0, later_most);
      tail = grammar_.sequence({item, later});
      if (rest_least == 0) tail = grammar_.optional(tail);
    }
  }
  for (uint32_t i = std::min(listed, end); i-- > 0;) {
    const std::string place = path + "/prefixItems/" + std::to_string(i);
    const ExpressionId part = TRY(add(prefix.items()[i], place, depth + 1));
    const ExpressionId with_comma = i == 0 ? part : grammar_.sequence({json_.comma(), part});
    tail = grammar_.sequence({with_comma, tail});
    if (i >= least) tail = grammar_.optional(tail);
  }
  return grammar_.sequence({open, tail, close});
}

Result<ExpressionId> SchemaCompiler::add_object(const Json& schema, const std::string& path,
                                                int depth) {
  const Json& properties = schema["properties"];
  const Json& required = schema["required"];
  const Json* rest = schema.find("additionalProperties");
  if (schema.contains("properties") && !properties.is_object()) {
    return schema_error(path, "properties", "expected an object");
  }
  if (schema.contains("required") && !required.is_array()) {
    return schema_error(path, "required", "expected an array of names");
  }
  const bool is_named = schema.contains("properties") || required.size() > 0;
  if (!is_named && (rest == nullptr || *rest == Json(true))) return json_.any_object();
  const auto is_required = [&](const std::string& name) {
    const auto& names = required.items();
    return std::find(names.begin(), names.end(), Json(name)) != names.end();
  };
  std::vector<JoinedItem> members;
  std::vector<std::string> names;
  const auto add_member = [&](const std::string& name, const Json& value,
                              const std::string& place) -> Status {
    const ExpressionId expression = TRY(add(value, place, depth + 1));
    std::string quoted;
    json_escape_to(quoted, name);
    members.push_back({grammar_.sequence({grammar_.bytes(quoted), json_.colon(), expression}),
                       is_required(name), false});
    names.push_back(name);
    return ok();
  };
  for (const auto& [name, value] : properties.members()) {
    std::string member_path = path + "/properties/";
    member_path += name;
    TRY(add_member(name, value, member_path));
  }
  // Required names that are not described take what additionalProperties says.
  const Json rest_schema = rest != nullptr ? *rest : Json(true);
  for (const Json& name : required.items()) {
    if (!name.is_string()) return schema_error(path, "required", "expected an array of names");
    if (std::find(names.begin(), names.end(), name.as_string()) != names.end()) continue;
    TRY(add_member(name.as_string(), rest_schema, path + "/additionalProperties"));
  }
  if (rest != nullptr && !(*rest == Json(false))) {
    const ExpressionId value = TRY(add(*rest, path + "/additionalProperties", depth + 1));
    members.push_back(
        {grammar_.sequence({json_.name_other_than(names), json_.colon(), value}), false, true});
  }
  return grammar_.sequence({grammar_.bytes("{"), grammar_.joined(std::move(members), json_.comma()),
                            grammar_.bytes("}")});
}

}  // namespace

Result<RuleId> add_json_schema(Grammar& grammar, JsonRules& json, std::string_view text) {
  const SchemaDocument document = TRY(SchemaDocument::read(text));
  return SchemaCompiler(document, grammar, json).compile();
}

Result<Grammar> read_json_schema(std::string_view text) {
  Grammar grammar;
  JsonRules json(grammar);
  TRY(add_json_schema(grammar, json, text));
  return grammar;
}

}  // namespace plinth::engine::grammar
