// SPDX-License-Identifier: Apache-2.0
// The state of a template that runs. Statements are in interpreter.cc, expressions in evaluate.cc,
// functions and macros in functions.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/template/builtins.h"
#include "engine/template/interpreter.h"
#include "engine/template/syntax.h"
#include "engine/template/value.h"

namespace plinth::engine::templates {

// What runs after a statement: the next one, or the end of the loop's body or of the loop.
enum class Flow : uint8_t { next, proceed, leave };

class Interpreter {
 public:
  Interpreter(Variables variables, int64_t unix_s) : unix_s_(unix_s) {
    scopes_.push_back(std::move(variables));
  }

  Result<Text> run(const Block& block);

 private:
  struct FunctionRow {
    std::string_view name;
    Result<Value> (Interpreter::*function)(const Values& arguments);
  };

  // Statements.
  Status enter();
  Result<Flow> run_block(const Block& block);
  Result<Flow> run_statement(const Statement& statement);
  Status run_definition(const Statement& statement);
  Result<Flow> run_scope(const Statement& statement);
  Result<Value> captured(const Statement& statement);
  Result<Value> written_by(const Block& body);
  Status write(const Text& text);
  Status bind_loop_names(const Statement& statement, const Value& item);
  Result<List> loop_items(const Statement& statement);
  Result<Flow> run_loop(const Statement& statement);
  static Value loop_state(const List& items, size_t i);
  Status assign(const Statement& statement, Value value);
  static void assign_in(Variables& variables, const std::string& name, Value value);
  const Value& lookup(std::string_view name) const;

  // Expressions.
  Result<Value> evaluate(const Expression& node);
  Result<Value> value_of(const Expression& node);
  Result<Value> evaluate_operator(const Expression& node);
  Result<Value> compare_all(const Expression& node);
  Status spend_on(const Value& left, const Value& right);
  Result<Value> make_list(const Expression& node);
  Result<Value> make_dict(const Expression& node);
  Result<Value> member(const Value& object, std::string_view name);
  Result<Value> attribute(const Value& object, std::string_view name);
  Result<Value> subscript(const Expression& node);
  Result<std::optional<int64_t>> slice_bound(const Expression* node);
  Result<Value> slice(const Expression& node);

  // Functions and macros.
  Result<Values> arguments_of(const Expression& node);
  static const FunctionRow* find_function(std::string_view name);
  Result<Value> call_function(const Expression& node);
  Result<Value> call_macro(const Statement& macro, const Values& arguments);
  Result<Value> raise(const Values& arguments);
  Result<Value> show_time(const Values& arguments);
  Result<Value> make_mapping(const Values& arguments);
  Result<Value> make_namespace(const Values& arguments);
  Result<Value> make_range(const Values& arguments);

  Machine machine_;
  const int64_t unix_s_;
  int depth_ = 0;
  Text out_;
  std::vector<Variables> scopes_;
  size_t first_scope_ = 0;  // of the macro that runs
  std::vector<Variables> namespaces_;
  std::vector<const Statement*> macros_;
};

}  // namespace plinth::engine::templates
