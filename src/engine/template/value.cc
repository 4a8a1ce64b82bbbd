// SPDX-License-Identifier: Apache-2.0
// Construction, truth and equality of template values.
#include "engine/template/value.h"

#include <algorithm>
#include <charconv>

namespace plinth::engine::templates {

Text Text::own(std::string_view text) {
  return {std::string(text), std::string(text.size(), '\0')};
}

Text Text::outside(std::string_view text) {
  return {std::string(text), std::string(text.size(), '\1')};
}

void Text::append(const Text& other) {
  bytes += other.bytes;
  foreign += other.foreign;
}

Text Text::slice(size_t begin, size_t length) const {
  return {bytes.substr(begin, length), foreign.substr(begin, length)};
}

const Value* Dict::find(std::string_view key) const {
  const auto at = std::find_if(members.begin(), members.end(),
                               [&](const auto& member) { return member.first.bytes == key; });
  return at == members.end() ? nullptr : &at->second;
}

const Value* Dict::find_key(const Value& key) const {
  if (!has_integer_keys) return key.text() ? find(key.text()->bytes) : nullptr;
  const auto number = key.as_integer();
  return number ? find(std::to_string(*number)) : nullptr;
}

Value Dict::key_at(size_t index) const {
  const Text& key = members[index].first;
  if (!has_integer_keys) return Value::of(key);
  int64_t number = 0;
  std::from_chars(key.bytes.data(), key.bytes.data() + key.bytes.size(), number);
  return Value::of(number);
}

Value Value::none() {
  Value made;
  made.value_ = None{};
  return made;
}

Value Value::of(bool value) {
  Value made;
  made.value_ = value;
  return made;
}

Value Value::of(int64_t value) {
  Value made;
  made.value_ = value;
  return made;
}

Value Value::of(double value) {
  Value made;
  made.value_ = value;
  return made;
}

Value Value::of(Text value) {
  Value made;
  made.value_ = std::make_shared<const Text>(std::move(value));
  return made;
}

Value Value::of(List value) {
  Value made;
  made.value_ = std::make_shared<const List>(std::move(value));
  return made;
}

Value Value::of(Dict value) {
  Value made;
  made.value_ = std::make_shared<const Dict>(std::move(value));
  return made;
}

Value Value::of(NamespaceIndex value) {
  Value made;
  made.value_ = value;
  return made;
}

Value Value::of(CallableIndex value) {
  Value made;
  made.value_ = value;
  return made;
}

Value Value::from_json(const Json& json, bool is_foreign) {
  const auto text_of = [&](std::string_view text) {
    return is_foreign ? Text::outside(text) : Text::own(text);
  };
  if (json.is_bool()) return of(json.as_bool());
  if (json.is_integer()) return of(json.as_int());
  if (json.is_number()) return of(json.as_double());
  if (json.is_string()) return of(text_of(json.as_string()));
  if (json.is_array()) {
    List items;
    items.reserve(json.size());
    for (const Json& item : json.items()) items.push_back(from_json(item, is_foreign));
    return of(std::move(items));
  }
  if (json.is_object()) {
    Dict dict;
    dict.members.reserve(json.size());
    for (const auto& [key, value] : json.members()) {
      dict.members.emplace_back(text_of(key), from_json(value, is_foreign));
    }
    return of(std::move(dict));
  }
  return none();
}

const Text* Value::text() const {
  const auto* shared = std::get_if<std::shared_ptr<const Text>>(&value_);
  return shared ? shared->get() : nullptr;
}

const List* Value::list() const {
  const auto* shared = std::get_if<std::shared_ptr<const List>>(&value_);
  return shared ? shared->get() : nullptr;
}

const Dict* Value::dict() const {
  const auto* shared = std::get_if<std::shared_ptr<const Dict>>(&value_);
  return shared ? shared->get() : nullptr;
}

double Value::as_double() const {
  if (const bool* value = boolean()) return *value ? 1 : 0;
  if (const int64_t* value = integer()) return static_cast<double>(*value);
  if (const double* value = real()) return *value;
  return 0;
}

std::optional<int64_t> Value::as_integer() const {
  if (const bool* value = boolean()) return *value ? 1 : 0;
  if (const int64_t* value = integer()) return *value;
  return std::nullopt;
}

std::string_view Value::type_name() const {
  constexpr std::string_view kNames[] = {"undefined", "none", "boolean", "integer",   "number",
                                         "string",    "list", "mapping", "namespace", "callable"};
  return kNames[value_.index()];
}

bool Value::is_true() const {
  if (is_undefined() || is_none()) return false;
  if (is_number()) return as_double() != 0;
  if (const Text* value = text()) return !value->bytes.empty();
  if (const List* value = list()) return !value->empty();
  if (const Dict* value = dict()) return !value->members.empty();
  return true;
}

bool is_equal(const Value& a, const Value& b) {
  if (a.is_undefined() || b.is_undefined()) return a.is_undefined() && b.is_undefined();
  if (a.is_none() || b.is_none()) return a.is_none() && b.is_none();
  if (a.is_number() && b.is_number()) {
    const auto left = a.as_integer();
    const auto right = b.as_integer();
    return left && right ? *left == *right : a.as_double() == b.as_double();
  }
  if (a.text() && b.text()) return a.text()->bytes == b.text()->bytes;
  if (a.list() && b.list()) {
    return std::equal(a.list()->begin(), a.list()->end(), b.list()->begin(), b.list()->end(),
                      is_equal);
  }
  if (a.dict() && b.dict()) {
    const auto& members = a.dict()->members;
    if (members.size() != b.dict()->members.size()) return false;
    const bool is_same_kind = a.dict()->has_integer_keys == b.dict()->has_integer_keys;
    if (!members.empty() && !is_same_kind) return false;
    return std::all_of(members.begin(), members.end(), [&](const auto& member) {
      const Value* other = b.dict()->find(member.first.bytes);
      return other && is_equal(member.second, *other);
    });
  }
  if (a.namespace_index() && b.namespace_index()) {
    return a.namespace_index()->index == b.namespace_index()->index;
  }
  if (a.callable() && b.callable()) return a.callable()->index == b.callable()->index;
  return false;
}

}  // namespace plinth::engine::templates
