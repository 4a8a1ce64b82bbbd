// SPDX-License-Identifier: Apache-2.0
// The table of functions, and calls of the template's own macros.
#include <algorithm>
#include <utility>

#include "engine/template/interpreter_state.h"
#include "engine/template/text_functions.h"

namespace plinth::engine::templates {
namespace {

constexpr int64_t kRangeMax = 100'000;

}  // namespace

Result<Values> Interpreter::arguments_of(const Expression& node) {
  Values values;
  for (const Argument& argument : node.arguments) {
    values.push_back({argument.name, TRY(evaluate(*argument.value))});
  }
  return values;
}

const Interpreter::FunctionRow* Interpreter::find_function(std::string_view name) {
  // To add a function: a row here.
  static constexpr FunctionRow kFunctions[] = {
      {"raise_exception", &Interpreter::raise},  {"namespace", &Interpreter::make_namespace},
      {"range", &Interpreter::make_range},       {"dict", &Interpreter::make_mapping},
      {"strftime_now", &Interpreter::show_time},
  };
  for (const FunctionRow& row : kFunctions) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

Result<Value> Interpreter::call_function(const Expression& node) {
  const Values arguments = TRY(arguments_of(node));
  const Value called = lookup(node.text);
  if (const CallableIndex* macro = called.callable()) {
    if (macro->index < macros_.size()) return call_macro(*macros_[macro->index], arguments);
    return machine_.error("'" + node.text + "' is a method without its object");
  }
  const FunctionRow* row = called.is_undefined() ? find_function(node.text) : nullptr;
  if (row) return (this->*row->function)(arguments);
  return machine_.error("the function '" + node.text + "' is not supported");
}

Result<Value> Interpreter::call_macro(const Statement& macro, const Values& arguments) {
  Variables given;
  size_t positional = 0;
  for (const NamedValue& argument : arguments) {
    const bool is_positional = argument.name.empty();
    if (is_positional && positional >= macro.parameters.size()) {
      return machine_.error("the macro " + macro.names[0] + " takes fewer arguments");
    }
    const std::string& name = is_positional ? macro.parameters[positional++].name : argument.name;
    const bool is_known = std::any_of(macro.parameters.begin(), macro.parameters.end(),
                                      [&](const Argument& p) { return p.name == name; });
    if (!is_known) {
      return machine_.error("the macro " + macro.names[0] + " has no parameter " + name);
    }
    assign_in(given, name, argument.value);
  }
  const size_t outer_first = std::exchange(first_scope_, scopes_.size());
  scopes_.push_back(std::move(given));
  for (const Argument& parameter : macro.parameters) {
    const Variables& own = scopes_.back();
    const bool is_given = std::any_of(own.begin(), own.end(), [&](const auto& variable) {
      return variable.first == parameter.name;
    });
    if (is_given) continue;
    Value value = parameter.value ? TRY(evaluate(*parameter.value)) : Value();
    assign_in(scopes_.back(), parameter.name, std::move(value));
  }
  Value written = TRY(written_by(macro.body));
  scopes_.pop_back();
  first_scope_ = outer_first;
  return written;
}

Result<Value> Interpreter::raise(const Values& arguments) {
  const Text cause = arguments.empty() ? Text() : TRY(print(machine_, arguments[0].value));
  return machine_.error("the template refuses: " + cause.bytes);
}

Result<Value> Interpreter::show_time(const Values& arguments) {
  const Value* format = argument_at(arguments, 0, "format");
  if (!format || !format->text()) return machine_.error("strftime_now: needs a format");
  const auto text = format_time(unix_s_, format->text()->bytes);
  if (!text) return machine_.error("strftime_now: the format is not supported");
  return machine_.make_text(Text::own(*text));
}

Result<Value> Interpreter::make_mapping(const Values& arguments) {
  Dict dict;
  for (const NamedValue& argument : arguments) {
    if (argument.name.empty()) return machine_.error("dict: arguments have names");
    dict.members.emplace_back(Text::own(argument.name), argument.value);
  }
  return Value::of(std::move(dict));
}

Result<Value> Interpreter::make_namespace(const Values& arguments) {
  if (namespaces_.size() >= kNamespacesMax) return machine_.error("too many namespaces");
  Variables members;
  for (const NamedValue& argument : arguments) {
    if (!argument.name.empty()) {
      assign_in(members, argument.name, argument.value);
      continue;
    }
    if (!argument.value.dict()) return machine_.error("namespace: arguments have names");
    for (const auto& [name, value] : argument.value.dict()->members) {
      assign_in(members, name.bytes, value);
    }
  }
  namespaces_.push_back(std::move(members));
  return Value::of(NamespaceIndex{namespaces_.size() - 1});
}

Result<Value> Interpreter::make_range(const Values& arguments) {
  std::vector<int64_t> bounds;
  for (const NamedValue& argument : arguments) {
    const auto bound = argument.value.as_integer();
    if (!bound || !argument.name.empty()) return machine_.error("range: its bounds are integers");
    bounds.push_back(*bound);
  }
  if (bounds.empty() || bounds.size() > 3) return machine_.error("range: one to three bounds");
  const int64_t begin = bounds.size() > 1 ? bounds[0] : 0;
  const int64_t end = bounds.size() > 1 ? bounds[1] : bounds[0];
  const int64_t step = bounds.size() > 2 ? bounds[2] : 1;
  if (step == 0) return machine_.error("range: a step is not 0");
  for (const int64_t bound : {begin, end, step}) {
    if (bound < -kRangeMax || bound > kRangeMax) return machine_.error("range: too long");
  }
  List numbers;
  for (int64_t i = begin; step > 0 ? i < end : i > end; i += step) {
    numbers.push_back(Value::of(i));
  }
  return machine_.make_list(std::move(numbers));
}

}  // namespace plinth::engine::templates
