// SPDX-License-Identifier: Apache-2.0
// Json: an exact JSON value. Numbers keep their source text, objects keep their order, duplicate
// keys are refused. Parsing is strict RFC 8259 over simdjson, with a depth and a size limit;
// writing is compact.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace plinth {

class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;
  // A number outside int64, kept as its source text so that it can be written back unchanged.
  struct Number {
    double value = 0;
    std::string text;
  };

  static constexpr size_t kDepthMax = 128;
  static constexpr size_t kTextBytesMax = 64u << 20;

  Json() = default;                                  // null
  Json(std::nullptr_t) {}                            // NOLINT(*-explicit-*)
  Json(bool value) : value_(value) {}                // NOLINT(*-explicit-*)
  Json(int value) : value_(int64_t{value}) {}        // NOLINT(*-explicit-*)
  Json(unsigned value) : value_(int64_t{value}) {}   // NOLINT(*-explicit-*)
  Json(long value) : value_(int64_t{value}) {}       // NOLINT(*-explicit-*)
  Json(long long value) : value_(int64_t{value}) {}  // NOLINT(*-explicit-*)
  Json(unsigned long value);                         // NOLINT(*-explicit-*)
  Json(double value);                                // NOLINT(*-explicit-*) not finite -> null
  Json(const char* value) : value_(std::string(value)) {}       // NOLINT(*-explicit-*)
  Json(std::string value) : value_(std::move(value)) {}         // NOLINT(*-explicit-*)
  Json(std::string_view value) : value_(std::string(value)) {}  // NOLINT(*-explicit-*)
  Json(Array value) : value_(std::move(value)) {}               // NOLINT(*-explicit-*)
  Json(Object value) : value_(std::move(value)) {}              // NOLINT(*-explicit-*)

  static Json array() { return Json(Array{}); }
  static Json object() { return Json(Object{}); }
  // Json::object({{"a", 1}, {"b", "x"}})
  static Json object(std::initializer_list<std::pair<std::string_view, Json>> members);
  static Json array_of(const std::vector<std::string>& items);

  // Error malformed names the byte offset and the cause; too_large past kTextBytesMax.
  static Result<Json> parse(std::string_view text);

  bool is_null() const { return value_.index() == 0; }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_integer() const { return std::holds_alternative<int64_t>(value_); }
  bool is_number() const { return is_integer() || std::holds_alternative<Number>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }
  std::string_view type_name() const;  // "null" "boolean" "number" "string" "array" "object"

  // Lenient reads: the fallback when the value is of another type.
  bool as_bool(bool fallback = false) const;
  int64_t as_int(int64_t fallback = 0) const;
  double as_double(double fallback = 0) const;
  const std::string& as_string() const;  // empty when not a string
  const Array& items() const;            // empty when not an array
  const Object& members() const;         // empty when not an object
  Array& items_mutable();                // CHECKs is_array
  Object& members_mutable();             // CHECKs is_object

  // Member lookup: null value when absent or not an object.
  const Json& operator[](std::string_view key) const;
  const Json* find(std::string_view key) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }
  size_t size() const;

  // Building. set replaces an existing member; a null Json becomes an object (set) or array (push)
  // first.
  Json& set(std::string_view key, Json value);
  Json& push(Json value);
  bool erase(std::string_view key);

  // Compact text, keys in insertion order, control characters escaped, UTF-8 passed through; bytes
  // that are not UTF-8 come out as U+FFFD, so the text is always valid.
  std::string dump() const;
  void dump_to(std::string& out) const;
  std::string dump_pretty() const;  // two-space indent, for people
  // Keys sorted, numbers in their shortest form: equal values have one text, for digests.
  std::string canonical() const;

  // Members in any order. Numbers are equal by value up to 2^53 (1 equals 1.0), by text beyond.
  bool operator==(const Json& other) const;

 private:
  friend class JsonReader;  // json_parse.cc
  static Json of_number(Number number);

  std::variant<std::nullptr_t, bool, int64_t, Number, std::string, Array, Object> value_ = nullptr;
};

void json_escape_to(std::string& out, std::string_view text);  // adds the quotes

// Strict field readers for decoders. Each names the field in its error ("temperature: expected a
// number, got string"). A missing or null optional field yields nullopt.
namespace json_field {
Result<std::string> required_string(const Json& object, std::string_view key);
Result<std::optional<std::string>> optional_string(const Json& object, std::string_view key);
Result<std::optional<double>> optional_number(const Json& object, std::string_view key, double min,
                                              double max);
Result<std::optional<int64_t>> optional_integer(const Json& object, std::string_view key,
                                                int64_t min, int64_t max);
Result<std::optional<bool>> optional_bool(const Json& object, std::string_view key);
}  // namespace json_field

}  // namespace plinth
