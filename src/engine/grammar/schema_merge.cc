// SPDX-License-Identifier: Apache-2.0
#include "engine/grammar/schema_merge.h"

#include <algorithm>

#include "engine/grammar/schema_document.h"

namespace plinth::engine::grammar {
namespace {

using Join = Result<Json> (*)(const Json& a, const Json& b, const std::string& path);

Result<Json> larger(const Json& a, const Json& b, const std::string&) {
  return a.as_double() >= b.as_double() ? a : b;
}

Result<Json> smaller(const Json& a, const Json& b, const std::string&) {
  return a.as_double() <= b.as_double() ? a : b;
}

Json list_of(const Json& value) { return value.is_array() ? value : Json(Json::Array{value}); }

Result<Json> common_types(const Json& a, const Json& b, const std::string&) {
  Json both = Json::array();
  const auto add = [&](const Json& type) {
    const auto& items = both.items();
    if (std::find(items.begin(), items.end(), type) == items.end()) both.push(type);
  };
  const Json left = list_of(a), right = list_of(b);
  for (const Json& one : left.items()) {
    for (const Json& two : right.items()) {
      if (one == two) add(one);
      const bool is_narrowed = (one == Json("integer") && two == Json("number")) ||
                               (one == Json("number") && two == Json("integer"));
      if (is_narrowed) add("integer");
    }
  }
  return both;
}

Result<Json> common_values(const Json& a, const Json& b, const std::string&) {
  Json both = Json::array();
  for (const Json& value : a.items()) {
    if (std::find(b.items().begin(), b.items().end(), value) != b.items().end()) both.push(value);
  }
  return both;
}

Result<Json> all_names(const Json& a, const Json& b, const std::string&) {
  Json both = a;
  for (const Json& name : b.items()) {
    const auto& items = both.items();
    if (std::find(items.begin(), items.end(), name) == items.end()) both.push(name);
  }
  return both;
}

Result<Json> all_properties(const Json& a, const Json& b, const std::string&) {
  Json both = a;
  for (const auto& [name, schema] : b.members()) {
    const Json* own = both.find(name);
    if (own == nullptr) {
      both.set(name, schema);
    } else if (!(*own == schema)) {
      both.set(name, Json::object({{"allOf", Json(Json::Array{*own, schema})}}));
    }
  }
  return both;
}

Result<Json> either(const Json& a, const Json& b, const std::string&) {
  return Json(a.as_bool() || b.as_bool());
}

struct Joined {
  std::string_view keyword;
  Join join;
};

constexpr Joined kJoined[] = {
    {"type", common_types},         {"enum", common_values},       {"required", all_names},
    {"properties", all_properties}, {"minimum", larger},           {"exclusiveMinimum", larger},
    {"maximum", smaller},           {"exclusiveMaximum", smaller}, {"minLength", larger},
    {"maxLength", smaller},         {"minItems", larger},          {"maxItems", smaller},
    {"uniqueItems", either},
};

// What stands in one part about "all other" properties or items speaks of those that this part
// does not name: the other part must not name any more.
Status check_rest(const Json& a, const Json& b, const std::string& path) {
  const Json* rest = a.find("additionalProperties");
  if (rest != nullptr && !(*rest == Json(true))) {
    for (const auto& [name, schema] : b["properties"].members()) {
      if (a["properties"].contains(name)) continue;
      return schema_error(path, "additionalProperties",
                          "another part of the same schema names the property '" + name +
                              "' that this one does not; name it in both");
    }
  }
  if (a.contains("items") && b["prefixItems"].size() != a["prefixItems"].size() &&
      b.contains("prefixItems")) {
    return schema_error(path, "items", "parts of one schema differ in prefixItems");
  }
  return ok();
}

}  // namespace

Result<Json> merge_schemas(const Json& a, const Json& b, const std::string& path) {
  for (const Json* side : {&a, &b}) {
    if (side->is_bool()) {
      if (!side->as_bool()) return Json(false);
      return side == &a ? b : a;
    }
    if (!side->is_object())
      return schema_error(path, "allOf", "a schema is an object or a boolean");
  }
  TRY(check_rest(a, b, path));
  TRY(check_rest(b, a, path));
  Json out = a;
  for (const auto& [keyword, value] : b.members()) {
    const Json* own = out.find(keyword);
    if (own == nullptr) {
      out.set(keyword, value);
      continue;
    }
    if (*own == value || SchemaDocument::use_of(keyword) == KeywordUse::annotation) continue;
    if (keyword == "const") return Json(false);
    const bool is_rest = keyword == "additionalProperties" || keyword == "items";
    if (is_rest && value == Json(true)) continue;
    if (is_rest && *own == Json(true)) {
      out.set(keyword, value);
      continue;
    }
    const auto joined = std::find_if(std::begin(kJoined), std::end(kJoined),
                                     [&](const Joined& row) { return row.keyword == keyword; });
    if (joined == std::end(kJoined)) {
      return schema_error(path, keyword, "parts of one schema give it different values");
    }
    Json both = TRY(joined->join(*own, value, path));
    out.set(keyword, std::move(both));
  }
  return out;
}

}  // namespace plinth::engine::grammar
