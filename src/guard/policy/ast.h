// SPDX-License-Identifier: Apache-2.0
// The syntax tree of policies. Built once by the parser, never changed, shared between threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "guard/policy.h"
#include "guard/policy/value.h"

namespace plinth::guard {

enum class Operation : uint8_t {
  literal,    // literal
  principal,  // the four variables
  action,
  resource,
  context,
  all_of,     // parts, short-circuit: a && b && c
  any_of,     // parts, short-circuit: a || b || c
  negate,     // !parts[0]
  minus,      // -parts[0]
  condition,  // if parts[0] then parts[1] else parts[2]
  equal,      // parts[0] == parts[1], and so on
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  add,
  subtract,
  multiply,
  in,
  is,         // parts[0] is names[0] [in parts[1]]
  has,        // parts[0] has names[0].names[1]…
  like,       // parts[0] like pattern
  attribute,  // parts[0].names[0] and parts[0]["…"]
  set,        // [parts…]
  record,     // {names[i]: parts[i]}
  function,   // names[0](parts…)
  method,     // parts[0].names[0](parts[1]…)
  contains,
  contains_all,
  contains_any,
  is_empty,
  get_tag,
  has_tag,
};

// A pattern of `like`: literal pieces with a wildcard between each two; "*" alone is two empty
// pieces.
struct Pattern {
  std::vector<std::string> pieces;
};

struct Expression;
using ExpressionPtr = std::unique_ptr<const Expression>;

struct Expression {
  Operation operation = Operation::literal;
  Value literal;
  Pattern pattern;
  std::vector<std::string> names;
  std::vector<ExpressionPtr> parts;
  size_t depth = 1;  // of the tree below, itself included
};

// What the head of a policy says of the principal, the action or the resource.
struct ScopeRule {
  enum class Kind : uint8_t { any, equal, in, is, is_in };
  Kind kind = Kind::any;
  std::vector<EntityRef> entities;  // equal, is_in: one; in: one or more
  std::string type;                 // is, is_in
};

struct Condition {
  bool is_when = true;  // false: unless
  ExpressionPtr expression;
};

struct Policy {
  PolicySummary summary;
  bool is_permit = true;
  ScopeRule principal;
  ScopeRule action;
  ScopeRule resource;
  std::vector<Condition> conditions;
};

}  // namespace plinth::guard
