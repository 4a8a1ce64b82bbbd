// SPDX-License-Identifier: Apache-2.0
// Comparison of values and their making from JSON.
#include "guard/policy/value.h"

#include <cmath>
#include <utility>

#include "guard/policy/extensions.h"

namespace plinth::guard {
namespace {

constexpr double kDecimalUnits = 10'000;
constexpr double kDecimalMax = 900'000'000'000'000;  // well inside int64 after scaling

template <typename T>
std::strong_ordering compare_states(const T& a, const T& b) {
  return a <=> b;
}

std::strong_ordering compare_states(const std::shared_ptr<const ValueSet>& a,
                                    const std::shared_ptr<const ValueSet>& b) {
  if (a == b) return std::strong_ordering::equal;
  return std::lexicographical_compare_three_way(a->begin(), a->end(), b->begin(), b->end());
}

std::strong_ordering compare_states(const std::shared_ptr<const ValueRecord>& a,
                                    const std::shared_ptr<const ValueRecord>& b) {
  if (a == b) return std::strong_ordering::equal;
  return std::lexicographical_compare_three_way(a->begin(), a->end(), b->begin(), b->end());
}

Value from_number(const Json& json) {
  if (json.is_integer()) return json.as_int();
  const double number = json.as_double();
  if (!(std::abs(number) < kDecimalMax)) return json.dump();
  return Decimal{std::llround(number * kDecimalUnits)};
}

Result<Value> entity_from_escape(const Json& json) {
  return Value(EntityRef{TRY(json_field::required_string(json, "type")),
                         TRY(json_field::required_string(json, "id"))});
}

Result<Value> extension_from_escape(const Json& json) {
  const std::string name = TRY(json_field::required_string(json, "fn"));
  std::vector<Value> arguments;
  if (json.contains("arg")) {
    arguments.push_back(TRY(value_from_json(json["arg"], JsonEscapes::honour)));
  }
  for (const Json& argument : json["args"].items()) {
    arguments.push_back(TRY(value_from_json(argument, JsonEscapes::honour)));
  }
  return is_function(name) ? call_function(name, arguments) : call_method(name, arguments);
}

Result<Value> from_object(const Json& json, JsonEscapes escapes) {
  if (escapes == JsonEscapes::honour && json.size() == 1) {
    const auto& [key, value] = json.members().front();
    if (key == "__entity") return entity_from_escape(value);
    if (key == "__extn") return extension_from_escape(value);
  }
  ValueRecord record;
  for (const auto& [key, value] : json.members()) {
    if (!value.is_null()) record.emplace(key, TRY(value_from_json(value, escapes)));
  }
  return Value(std::move(record));
}

}  // namespace

Value::Value(ValueSet value) : state_(std::make_shared<const ValueSet>(std::move(value))) {}
Value::Value(ValueRecord value) : state_(std::make_shared<const ValueRecord>(std::move(value))) {}

const ValueSet* Value::as_set() const {
  const auto* set = std::get_if<std::shared_ptr<const ValueSet>>(&state_);
  return set == nullptr ? nullptr : set->get();
}

const ValueRecord* Value::as_record() const {
  const auto* record = std::get_if<std::shared_ptr<const ValueRecord>>(&state_);
  return record == nullptr ? nullptr : record->get();
}

std::string_view Value::type_name() const {
  constexpr std::array<std::string_view, 10> kNames = {"bool",    "long",   "string",   "entity",
                                                       "decimal", "ipaddr", "datetime", "duration",
                                                       "set",     "record"};
  return kNames[state_.index()];
}

std::strong_ordering Value::compare(const Value& other) const {
  if (state_.index() != other.state_.index()) return state_.index() <=> other.state_.index();
  return std::visit(
      [&other](const auto& mine) {
        return compare_states(mine, std::get<std::decay_t<decltype(mine)>>(other.state_));
      },
      state_);
}

Result<Value> value_from_json(const Json& json, JsonEscapes escapes) {
  if (json.is_bool()) return Value(json.as_bool());
  if (json.is_number()) return from_number(json);
  if (json.is_string()) return Value(json.as_string());
  if (json.is_object()) return from_object(json, escapes);
  ValueSet items;
  for (const Json& item : json.items()) {
    if (!item.is_null()) items.insert(TRY(value_from_json(item, escapes)));
  }
  return Value(std::move(items));
}

}  // namespace plinth::guard
