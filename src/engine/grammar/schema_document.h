// SPDX-License-Identifier: Apache-2.0
// A JSON Schema as a document: which keywords there are, where $ref leads, and how the parts of
// allOf become one schema.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace plinth::engine::grammar {

// What a keyword speaks about.
enum class KeywordUse : uint8_t { annotation, core, any_type, number, string, array, object };

class SchemaDocument {
 public:
  // Errors: as Json::parse, told as invalid_argument.
  static Result<SchemaDocument> read(std::string_view text);

  const Json& root() const { return root_; }

  // Errors name the first keyword of the schema at `path` that is not taken.
  static Status check_keywords(const Json& schema, const std::string& path);
  static KeywordUse use_of(std::string_view keyword);  // of one that check_keywords() takes
  // Keywords that limit values, so all but annotations and definitions.
  static std::vector<std::string_view> limits_of(const Json& schema);

  // A pointer into this document: "#", "#/$defs/x". Errors name it.
  Result<const Json*> resolve(const std::string& reference) const;

  // The schema with $ref and allOf worked in. Errors name what cannot be joined.
  Result<Json> flatten(const Json& schema, const std::string& path) const;
  // Whether no value can be valid for both, as far as can be told from types, constants and
  // required properties.
  bool are_disjoint(const Json& a, const Json& b) const { return are_disjoint(a, b, 0); }

 private:
  Result<Json> flatten(const Json& schema, const std::string& path, int depth) const;
  bool are_disjoint(const Json& a, const Json& b, int depth) const;

  Json root_;
};

// "null", "boolean", "integer", "number", "string", "array", "object" that the schema admits by
// `type`: all of them when it has none. Errors name a type that there is not.
Result<std::vector<std::string>> types_of(const Json& schema, const std::string& path);
bool is_type(const Json& value, std::string_view type);
Error schema_error(const std::string& path, std::string_view keyword, const std::string& cause);

}  // namespace plinth::engine::grammar
