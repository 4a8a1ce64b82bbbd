// SPDX-License-Identifier: Apache-2.0
// Filters, tests, methods and operators of the template language. Each set is one table:
// filters.cc, tests.cc, methods.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/template/interpreter.h"
#include "engine/template/syntax.h"
#include "engine/template/value.h"

namespace plinth::engine::templates {

struct NamedValue {
  std::string name;  // empty: positional
  Value value;
};
using Values = std::vector<NamedValue>;

// The argument at a position or of a name; nullptr when it was not given.
const Value* argument_at(const Values& arguments, size_t position, std::string_view name);

Result<Value> apply_filter(Machine& machine, std::string_view name, const Value& input,
                           const Values& arguments);
Result<bool> apply_test(Machine& machine, std::string_view name, const Value& input,
                        const Values& arguments);
Result<Value> call_method(Machine& machine, const Value& object, std::string_view name,
                          const Values& arguments);
Result<Value> apply_binary(Machine& machine, Operator operation, const Value& left,
                           const Value& right);

// Whether Python's value of this kind has an attribute of the name that can be called.
bool has_method(const Value& object, std::string_view name);
// object[name] of a mapping; undefined for what has no such member. A member of an undefined value
// is an error, as in Jinja.
Result<Value> member_of(Machine& machine, const Value& object, std::string_view name);
// -1, 0 or 1; nullopt for values that have no order.
std::optional<int> compare(const Value& left, const Value& right);

// The text {{ value }} writes.
Result<Text> print(Machine& machine, const Value& value);
// As json.dumps(value, ensure_ascii=False): ", " and ": " unless `separators` says otherwise.
Result<Value> to_json(Machine& machine, const Value& value, const Values& arguments);
// Items of a list, keys of a mapping, characters of a string, nothing of an undefined value.
Result<List> iterate(Machine& machine, const Value& value);

}  // namespace plinth::engine::templates
