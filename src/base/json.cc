// SPDX-License-Identifier: Apache-2.0
// Json values: construction, reads, lookup, building and equality. Text in: json_parse.cc; text
// out: json_writer.cc.
#include "base/json.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/detail/json_number.h"

namespace plinth {
namespace {

const Json& null_json() {
  static const Json value;
  return value;
}

bool is_integer_equal(const Json::Number& number, int64_t integer) {
  return json_number::exact_integer(number.value) == integer;
}

// Numbers past 2^53 are told apart by their text: one double stands for many of them.
bool is_number_equal(const Json::Number& a, const Json::Number& b) {
  if (std::fabs(a.value) > json_number::kExactMax) return a.text == b.text;
  return a.value == b.value;
}

std::vector<const Json::Member*> sorted_by_key(const Json::Object& object) {
  std::vector<const Json::Member*> sorted;
  sorted.reserve(object.size());
  for (const Json::Member& member : object) sorted.push_back(&member);
  std::sort(sorted.begin(), sorted.end(),
            [](const Json::Member* a, const Json::Member* b) { return a->first < b->first; });
  return sorted;
}

// Sorted rather than looked up: objects from outside may be large.
bool is_object_equal(const Json::Object& a, const Json::Object& b) {
  if (a.size() != b.size()) return false;
  const std::vector<const Json::Member*> sorted_a = sorted_by_key(a);
  const std::vector<const Json::Member*> sorted_b = sorted_by_key(b);
  return std::equal(sorted_a.begin(), sorted_a.end(), sorted_b.begin(),
                    [](const Json::Member* one, const Json::Member* two) { return *one == *two; });
}

}  // namespace

Json::Json(unsigned long value) {
  if (value <= static_cast<unsigned long>(std::numeric_limits<int64_t>::max())) {
    value_ = static_cast<int64_t>(value);
  } else {
    value_ = Number{static_cast<double>(value), std::to_string(value)};
  }
}

Json::Json(double value) {
  if (std::isfinite(value)) value_ = Number{value, json_number::format(value)};
}

Json Json::of_number(Number number) {
  Json json;
  json.value_ = std::move(number);
  return json;
}

Json Json::object(std::initializer_list<std::pair<std::string_view, Json>> members) {
  Json json = object();
  for (const auto& [key, value] : members) json.set(key, value);
  return json;
}

Json Json::array_of(const std::vector<std::string>& items) {
  return Json(Array(items.begin(), items.end()));
}

std::string_view Json::type_name() const {
  if (is_null()) return "null";
  if (is_bool()) return "boolean";
  if (is_number()) return "number";
  if (is_string()) return "string";
  return is_array() ? "array" : "object";
}

bool Json::as_bool(bool fallback) const {
  const bool* value = std::get_if<bool>(&value_);
  return value ? *value : fallback;
}

int64_t Json::as_int(int64_t fallback) const {
  if (const int64_t* integer = std::get_if<int64_t>(&value_)) return *integer;
  if (const Number* number = std::get_if<Number>(&value_)) {
    return json_number::exact_integer(number->value).value_or(fallback);
  }
  return fallback;
}

double Json::as_double(double fallback) const {
  if (const int64_t* integer = std::get_if<int64_t>(&value_)) return static_cast<double>(*integer);
  const Number* number = std::get_if<Number>(&value_);
  return number ? number->value : fallback;
}

const std::string& Json::as_string() const {
  static const std::string kEmpty;
  const std::string* text = std::get_if<std::string>(&value_);
  return text ? *text : kEmpty;
}

const Json::Array& Json::items() const {
  static const Array kEmpty;
  const Array* array = std::get_if<Array>(&value_);
  return array ? *array : kEmpty;
}

const Json::Object& Json::members() const {
  static const Object kEmpty;
  const Object* object = std::get_if<Object>(&value_);
  return object ? *object : kEmpty;
}

Json::Array& Json::items_mutable() {
  CHECK(is_array());
  return std::get<Array>(value_);
}

Json::Object& Json::members_mutable() {
  CHECK(is_object());
  return std::get<Object>(value_);
}

const Json& Json::operator[](std::string_view key) const {
  const Json* value = find(key);
  return value ? *value : null_json();
}

const Json* Json::find(std::string_view key) const {
  for (const Member& member : members()) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

size_t Json::size() const { return is_array() ? items().size() : members().size(); }

Json& Json::set(std::string_view key, Json value) {
  if (is_null()) value_ = Object{};
  Object& object = members_mutable();
  for (Member& member : object) {
    if (member.first != key) continue;
    member.second = std::move(value);
    return *this;
  }
  object.emplace_back(std::string(key), std::move(value));
  return *this;
}

Json& Json::push(Json value) {
  if (is_null()) value_ = Array{};
  items_mutable().push_back(std::move(value));
  return *this;
}

bool Json::erase(std::string_view key) {
  Object* object = std::get_if<Object>(&value_);
  if (!object) return false;
  return std::erase_if(*object, [&](const Member& member) { return member.first == key; }) > 0;
}

// Objects are equal whatever the order of their members; numbers by value (1 equals 1.0) up to
// 2^53.
bool Json::operator==(const Json& other) const {
  if (is_number() && other.is_number()) {
    const int64_t* a = std::get_if<int64_t>(&value_);
    const int64_t* b = std::get_if<int64_t>(&other.value_);
    if (a && b) return *a == *b;
    if (a) return is_integer_equal(std::get<Number>(other.value_), *a);
    if (b) return is_integer_equal(std::get<Number>(value_), *b);
    return is_number_equal(std::get<Number>(value_), std::get<Number>(other.value_));
  }
  if (value_.index() != other.value_.index()) return false;
  if (is_null()) return true;
  if (is_bool()) return as_bool() == other.as_bool();
  if (is_string()) return as_string() == other.as_string();
  if (is_array()) return items() == other.items();
  return is_object_equal(members(), other.members());
}

}  // namespace plinth
