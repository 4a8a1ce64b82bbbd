// SPDX-License-Identifier: Apache-2.0
#include "engine/grammar/schema_document.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "engine/grammar/grammar.h"
#include "engine/grammar/schema_merge.h"

namespace plinth::engine::grammar {
namespace {

struct Keyword {
  std::string_view name;
  KeywordUse use;
};

constexpr Keyword kKeywords[] = {
    {"$schema", KeywordUse::annotation},
    {"$comment", KeywordUse::annotation},
    {"title", KeywordUse::annotation},
    {"description", KeywordUse::annotation},
    {"default", KeywordUse::annotation},
    {"examples", KeywordUse::annotation},
    {"deprecated", KeywordUse::annotation},
    {"readOnly", KeywordUse::annotation},
    {"writeOnly", KeywordUse::annotation},
    {"$defs", KeywordUse::annotation},
    {"definitions", KeywordUse::annotation},
    {"$ref", KeywordUse::core},
    {"allOf", KeywordUse::core},
    {"anyOf", KeywordUse::core},
    {"oneOf", KeywordUse::core},
    {"type", KeywordUse::any_type},
    {"enum", KeywordUse::any_type},
    {"const", KeywordUse::any_type},
    {"minimum", KeywordUse::number},
    {"maximum", KeywordUse::number},
    {"exclusiveMinimum", KeywordUse::number},
    {"exclusiveMaximum", KeywordUse::number},
    {"minLength", KeywordUse::string},
    {"maxLength", KeywordUse::string},
    {"pattern", KeywordUse::string},
    {"format", KeywordUse::string},
    {"items", KeywordUse::array},
    {"prefixItems", KeywordUse::array},
    {"minItems", KeywordUse::array},
    {"maxItems", KeywordUse::array},
    {"uniqueItems", KeywordUse::array},
    {"properties", KeywordUse::object},
    {"required", KeywordUse::object},
    {"additionalProperties", KeywordUse::object},
};

constexpr int kMergeDepthMax = 64;
constexpr int kDisjointDepthMax = 8;
constexpr std::string_view kTypes[] = {"null",   "boolean", "integer", "number",
                                       "string", "array",   "object"};

const Keyword* find_keyword(std::string_view name) {
  const auto found = std::find_if(std::begin(kKeywords), std::end(kKeywords),
                                  [&](const Keyword& keyword) { return keyword.name == name; });
  return found == std::end(kKeywords) ? nullptr : found;
}

// %41 and its like, then ~1 and ~0.
std::string unescaped(std::string_view step) {
  std::string bytes;
  for (size_t i = 0; i < step.size(); ++i) {
    unsigned code = 0;
    if (step[i] == '%' && i + 2 < step.size() &&
        std::from_chars(step.data() + i + 1, step.data() + i + 3, code, 16).ptr ==
            step.data() + i + 3) {
      bytes += static_cast<char>(code);
      i += 2;
    } else {
      bytes += step[i];
    }
  }
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const bool is_escape = bytes[i] == '~' && i + 1 < bytes.size();
    if (is_escape && (bytes[i + 1] == '0' || bytes[i + 1] == '1')) {
      out += bytes[++i] == '0' ? '~' : '/';
    } else {
      out += bytes[i];
    }
  }
  return out;
}

}  // namespace

Error schema_error(const std::string& path, std::string_view keyword, const std::string& cause) {
  return grammar_error("JSON schema at " + shorten(path, 200) + ", \"" + shorten(keyword, 64) +
                       "\": " + cause);
}

Result<SchemaDocument> SchemaDocument::read(std::string_view text) {
  if (text.size() > kSourceBytesMax) {
    return grammar_error("JSON schema of " + std::to_string(text.size()) + " bytes; at most " +
                         std::to_string(kSourceBytesMax) + " are taken");
  }
  auto parsed = Json::parse(text);
  if (parsed.is_error()) return grammar_error("JSON schema: " + parsed.error().message);
  SchemaDocument document;
  document.root_ = std::move(parsed).value();
  return document;
}

Status SchemaDocument::check_keywords(const Json& schema, const std::string& path) {
  for (const auto& [name, value] : schema.members()) {
    if (find_keyword(name) != nullptr) continue;
    if (name == "$id" && path == "#") continue;
    return schema_error(path, name,
                        "this keyword is not taken; remove it, or say the same with the keywords "
                        "in docs/structured_output.md");
  }
  if (schema["uniqueItems"].as_bool(false)) {
    return schema_error(path, "uniqueItems",
                        "true is not taken: a grammar cannot compare items; remove it");
  }
  return ok();
}

KeywordUse SchemaDocument::use_of(std::string_view keyword) {
  const Keyword* found = find_keyword(keyword);
  return found != nullptr ? found->use : KeywordUse::annotation;
}

std::vector<std::string_view> SchemaDocument::limits_of(const Json& schema) {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : schema.members()) {
    if (use_of(name) != KeywordUse::annotation) names.push_back(name);
  }
  return names;
}

Result<const Json*> SchemaDocument::resolve(const std::string& reference) const {
  if (reference != "#" && !reference.starts_with("#/")) {
    return grammar_error("JSON schema, \"$ref\": '" + shorten(reference, 128) +
                         "' lies outside this document; copy what it means under $defs and write "
                         "#/$defs/…");
  }
  const Json* at = &root_;
  const std::string_view steps = std::string_view(reference).substr(1);
  for (const std::string_view step :
       steps.empty() ? std::vector<std::string_view>() : split(steps.substr(1), '/')) {
    const std::string key = unescaped(step);
    size_t index = 0;
    const Json* next = at->find(key);
    if (at->is_array() &&
        std::from_chars(key.data(), key.data() + key.size(), index).ptr ==
            key.data() + key.size() &&
        index < at->size()) {
      next = &at->items()[index];
    }
    if (next == nullptr) {
      return grammar_error("JSON schema, \"$ref\": '" + shorten(reference, 128) +
                           "' leads nowhere: there is no '" + shorten(key, 64) + "'");
    }
    at = next;
  }
  return at;
}

Result<Json> SchemaDocument::flatten(const Json& schema, const std::string& path) const {
  return flatten(schema, path, 0);
}

Result<Json> SchemaDocument::flatten(const Json& schema, const std::string& path, int depth) const {
  if (depth > kMergeDepthMax) {
    return schema_error(path, "$ref", "it leads back to itself, or nests too deeply, inside allOf");
  }
  if (!schema.is_object()) return schema;
  TRY(check_keywords(schema, path));
  Json out = schema;
  out.erase("$ref");
  out.erase("allOf");
  if (const Json* reference = schema.find("$ref")) {
    if (!reference->is_string()) return schema_error(path, "$ref", "expected a string");
    const Json* target = TRY(resolve(reference->as_string()));
    const Json flat = TRY(flatten(*target, reference->as_string(), depth + 1));
    out = TRY(merge_schemas(out, flat, path));
  }
  const Json& parts = schema["allOf"];
  if (schema.contains("allOf") && (!parts.is_array() || parts.size() == 0)) {
    return schema_error(path, "allOf", "expected an array of schemas");
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string place = path + "/allOf/" + std::to_string(i);
    const Json flat = TRY(flatten(parts.items()[i], place, depth + 1));
    out = TRY(merge_schemas(out, flat, place));
  }
  return out;
}

bool SchemaDocument::are_disjoint(const Json& a, const Json& b, int depth) const {
  if (depth > kDisjointDepthMax) return false;
  const auto flat_a = flatten(a, "#");
  const auto flat_b = flatten(b, "#");
  if (flat_a.is_error() || flat_b.is_error()) return false;
  const Json& one = *flat_a;
  const Json& two = *flat_b;
  if (one == Json(false) || two == Json(false)) return true;
  // Every value of one that is listed fails a listed value or a type of the other.
  const auto values = [](const Json& schema) {
    if (const Json* constant = schema.find("const")) return Json(Json::Array{*constant});
    return schema.contains("enum") ? schema["enum"] : Json();
  };
  const Json listed_one = values(one), listed_two = values(two);
  const auto types_one = types_of(one, "#"), types_two = types_of(two, "#");
  if (types_one.is_error() || types_two.is_error()) return false;
  const auto has_type = [](const std::vector<std::string>& types, const Json& value) {
    return std::any_of(types.begin(), types.end(),
                       [&](const std::string& type) { return is_type(value, type); });
  };
  const auto none_fits = [&](const Json& listed, const Json& other_listed, const auto& types) {
    return std::none_of(listed.items().begin(), listed.items().end(), [&](const Json& value) {
      const auto& others = other_listed.items();
      const bool is_listed = !other_listed.is_array() ||
                             std::find(others.begin(), others.end(), value) != others.end();
      return is_listed && has_type(types, value);
    });
  };
  if (listed_one.is_array()) return none_fits(listed_one, listed_two, *types_two);
  if (listed_two.is_array()) return none_fits(listed_two, listed_one, *types_one);
  const auto is_number = [](const std::string& type) {
    return type == "integer" || type == "number";
  };
  bool is_type_shared = false;
  bool is_only_object_shared = true;
  for (const std::string& left : *types_one) {
    for (const std::string& right : *types_two) {
      if (left != right && !(is_number(left) && is_number(right))) continue;
      is_type_shared = true;
      is_only_object_shared = is_only_object_shared && left == "object";
    }
  }
  if (!is_type_shared) return true;
  if (!is_only_object_shared) return false;
  const auto parted_by = [&](const Json& needing, const Json& other) {
    for (const Json& name : needing["required"].items()) {
      const Json* mine = needing["properties"].find(name.as_string());
      const Json* theirs = other["properties"].find(name.as_string());
      if (theirs == nullptr && other["additionalProperties"] == Json(false) &&
          other.contains("additionalProperties")) {
        return true;
      }
      if (mine != nullptr && theirs != nullptr && are_disjoint(*mine, *theirs, depth + 1)) {
        return true;
      }
    }
    return false;
  };
  return parted_by(one, two) || parted_by(two, one);
}

bool is_type(const Json& value, std::string_view type) {
  if (type == "integer") {
    if (value.is_integer()) return true;
    return value.is_number() && std::floor(value.as_double()) == value.as_double();
  }
  return value.type_name() == type;
}

Result<std::vector<std::string>> types_of(const Json& schema, const std::string& path) {
  std::vector<std::string> types;
  const Json* type = schema.find("type");
  if (type == nullptr) {
    types.assign(std::begin(kTypes), std::end(kTypes));
  } else if (type->is_string()) {
    types.push_back(type->as_string());
  } else {
    for (const Json& item : type->items()) types.push_back(item.as_string());
    if (!type->is_array()) return schema_error(path, "type", "expected a string or an array");
  }
  for (const std::string& name : types) {
    if (std::find(std::begin(kTypes), std::end(kTypes), name) != std::end(kTypes)) continue;
    return schema_error(path, "type", "'" + shorten(name, 32) + "' is not a type of JSON");
  }
  return types;
}

}  // namespace plinth::engine::grammar
