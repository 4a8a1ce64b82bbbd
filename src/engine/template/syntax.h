// SPDX-License-Identifier: Apache-2.0
// The syntax tree of a template: what the parser makes and the interpreter walks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/template/value.h"

namespace plinth::engine::templates {

struct Expression;
using ExpressionPointer = std::unique_ptr<Expression>;

enum class Operator : uint8_t {
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  not_in,
  concatenate,
  // From here on arithmetic.
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  remainder,
  power,
};

struct Argument {
  std::string name;  // empty: positional
  ExpressionPointer value;
};

// One node; which fields are used depends on the kind.
struct Expression {
  enum class Kind : uint8_t {
    literal,      // literal
    name,         // text
    list,         // children
    dict,         // children: key, value, key, value, …
    attribute,    // children[0].text
    subscript,    // children[0][children[1]]
    slice,        // children[0][children[1]:children[2]:children[3]], absent ones are null
    call,         // function or macro text(arguments)
    method,       // children[0].text(arguments)
    filter,       // children[0] | text(arguments)
    test,         // children[0] is text(arguments)
    negate,       // - children[0]
    logical_not,  // not children[0]
    logical_and,  // children[0] and children[1]
    logical_or,   // children[0] or children[1]
    binary,       // children[0] operation children[1]
    chain,        // children[0] operations[0] children[1] operations[1] children[2] …
    conditional,  // children[0] if children[1] else children[2] (may be null)
  };
  Kind kind = Kind::literal;
  Operator operation = Operator::equal;
  int line = 0;
  int depth = 1;  // longest way down to a leaf
  std::string text;
  Value literal;
  std::vector<ExpressionPointer> children;
  std::vector<Operator> operations;
  std::vector<Argument> arguments;
};

struct Statement;
using Block = std::vector<Statement>;

// The name under which a filter of a block finds what the block wrote; no template can say it.
inline constexpr const char* kCapturedName = "{captured}";

struct Branch {
  ExpressionPointer condition;  // null: else
  Block body;
};

struct Statement {
  enum class Kind : uint8_t {
    text,     // text, written as it stands
    output,   // {{ value }}
    branch,   // {% if %}: branches
    loop,     // {% for names in value if condition %}: body, otherwise
    assign,   // {% set names… = value %}, or {% set names[0].names[1] = value %}
    capture,  // {% set names[0] %} body {% endset %}, or as above; `value` filters what was written
    filter,   // {% filter … %} body {% endfilter %}: value, over kCapturedName
    macro,    // {% macro names[0](parameters) %} body {% endmacro %}
    scope,    // {% generation %} body {% endgeneration %}, {% with parameters %} body {% endwith %}
    leave,    // {% break %}
    proceed,  // {% continue %}
  };
  Kind kind = Kind::text;
  bool is_attribute = false;  // assign: the second form
  int line = 0;
  std::string text;
  std::vector<std::string> names;
  ExpressionPointer value;
  ExpressionPointer condition;
  std::vector<Branch> branches;
  std::vector<Argument> parameters;  // macro: defaults may be null; scope: names with their values
  Block body;
  Block otherwise;
};

}  // namespace plinth::engine::templates
