// SPDX-License-Identifier: Apache-2.0
// Values of the template language. Text remembers for every byte whether it came from outside the
// template (messages, tools), so that it can never turn into a special token.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"

namespace plinth::engine::templates {

struct Text {
  std::string bytes;
  std::string foreign;  // as long as bytes; '\1' where the byte came from outside, else '\0'

  static Text own(std::string_view text);      // written by the template
  static Text outside(std::string_view text);  // from messages or tools
  void append(const Text& other);
  Text slice(size_t begin, size_t length) const;
  bool is_foreign() const { return foreign.find('\1') != std::string::npos; }
};

class Value;
using List = std::vector<Value>;
struct Dict {
  std::vector<std::pair<Text, Value>> members;  // in order of insertion
  bool has_integer_keys = false;                // written in `members` as their digits
  const Value* find(std::string_view key) const;
  // Of a key that may be a number; nullptr also for one of the other kind.
  const Value* find_key(const Value& key) const;
  Value key_at(size_t index) const;
};
// An object that `set ns.x = …` changes; an index into the interpreter's namespaces.
struct NamespaceIndex {
  size_t index = 0;
};

// Something that can be called: a macro, an index into the interpreter's macros, or a method that
// was read without being called (kMethod).
struct CallableIndex {
  static constexpr size_t kMethod = SIZE_MAX;
  size_t index = kMethod;
};

// Texts, lists and dicts are immutable once made and shared between copies of a value.
class Value {
 public:
  struct Undefined {};
  struct None {};

  Value() = default;  // undefined
  static Value none();
  static Value of(bool value);
  static Value of(int64_t value);
  static Value of(double value);
  static Value of(Text value);
  static Value of(List value);
  static Value of(Dict value);
  static Value of(NamespaceIndex value);
  static Value of(CallableIndex value);
  // Every text in it is marked foreign when `is_foreign`.
  static Value from_json(const Json& json, bool is_foreign);

  bool is_undefined() const { return std::holds_alternative<Undefined>(value_); }
  bool is_none() const { return std::holds_alternative<None>(value_); }
  const bool* boolean() const { return std::get_if<bool>(&value_); }
  const int64_t* integer() const { return std::get_if<int64_t>(&value_); }
  const double* real() const { return std::get_if<double>(&value_); }
  const Text* text() const;
  const List* list() const;
  const Dict* dict() const;
  const NamespaceIndex* namespace_index() const { return std::get_if<NamespaceIndex>(&value_); }

  const CallableIndex* callable() const { return std::get_if<CallableIndex>(&value_); }
  bool is_callable() const { return callable() != nullptr; }

  bool is_number() const { return boolean() || integer() || real(); }
  double as_double() const;                   // of a number; a bool counts as 0 or 1
  std::optional<int64_t> as_integer() const;  // of an integer or bool

  std::string_view type_name() const;  // "undefined", "string", …, for error texts
  bool is_true() const;                // as Python's truth value

 private:
  std::variant<Undefined, None, bool, int64_t, double, std::shared_ptr<const Text>,
               std::shared_ptr<const List>, std::shared_ptr<const Dict>, NamespaceIndex,
               CallableIndex>
      value_;
};

// As Python's ==: numbers by value, containers by content, else false.
bool is_equal(const Value& a, const Value& b);

}  // namespace plinth::engine::templates
