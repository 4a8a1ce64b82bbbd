// SPDX-License-Identifier: Apache-2.0
// A tree walk. Variables live in scopes; a loop's body has its own, fresh in every turn, so that
// `set` inside a loop changes nothing outside of it (that is what namespaces are for).
#include "engine/template/interpreter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/template/interpreter_state.h"

namespace plinth::engine::templates {

Error Machine::error(const std::string& cause) const {
  return make_error(ErrorCode::malformed,
                    "chat template, line " + std::to_string(line_) + ": " + cause);
}

Status Machine::spend(int64_t steps) {
  steps_left_ -= steps;
  if (steps_left_ >= 0) return ok();
  return make_error(ErrorCode::too_large, "chat template, line " + std::to_string(line_) +
                                              ": more than " + std::to_string(kStepsMax) +
                                              " steps");
}

Status Machine::spend_on_search(const Text& text, const Text& mark) {
  constexpr size_t kBytesPerStep = 4096;
  return spend(static_cast<int64_t>(text.bytes.size() * (mark.bytes.size() + 1) / kBytesPerStep));
}

Result<Value> Machine::make_text(Text text) {
  if (text.bytes.size() > kTextBytesMax || text.bytes.size() > text_bytes_left_) {
    return make_error(ErrorCode::too_large, "chat template, line " + std::to_string(line_) +
                                                ": its texts grow too large");
  }
  text_bytes_left_ -= text.bytes.size();
  return Value::of(std::move(text));
}

Result<Value> Machine::make_list(List list) {
  TRY(spend(static_cast<int64_t>(list.size())));
  return Value::of(std::move(list));
}

Result<Text> Interpreter::run(const Block& block) {
  TRY(run_block(block));
  return std::move(out_);
}

// How deep the calls below are inside each other, whatever they are.
Status Interpreter::enter() {
  if (++depth_ <= kDepthMax) return ok();
  return make_error(ErrorCode::too_large, machine_
                                              .error("more than " + std::to_string(kDepthMax) +
                                                     " macros, blocks and expressions are "
                                                     "inside each other")
                                              .message);
}

Result<Flow> Interpreter::run_block(const Block& block) {
  TRY(enter());
  for (const Statement& statement : block) {
    const Flow flow = TRY(run_statement(statement));
    if (flow == Flow::next) continue;
    --depth_;
    return flow;
  }
  --depth_;
  return Flow::next;
}

Result<Flow> Interpreter::run_statement(const Statement& statement) {
  machine_.set_line(statement.line);
  TRY(machine_.spend(1));
  switch (statement.kind) {
    case Statement::Kind::text:
      TRY(write(Text::own(statement.text)));
      return Flow::next;
    case Statement::Kind::output:
      TRY(write(TRY(print(machine_, TRY(evaluate(*statement.value))))));
      return Flow::next;
    case Statement::Kind::branch:
      for (const Branch& branch : statement.branches) {
        if (!branch.condition || TRY(evaluate(*branch.condition)).is_true()) {
          return run_block(branch.body);
        }
      }
      return Flow::next;
    case Statement::Kind::loop:
      return run_loop(statement);
    case Statement::Kind::leave:
      return Flow::leave;
    case Statement::Kind::proceed:
      return Flow::proceed;
    case Statement::Kind::scope:
      return run_scope(statement);
    default:
      TRY(run_definition(statement));
      return Flow::next;
  }
}

Status Interpreter::run_definition(const Statement& statement) {
  switch (statement.kind) {
    case Statement::Kind::assign:
      return assign(statement, TRY(evaluate(*statement.value)));
    case Statement::Kind::capture:
      return assign(statement, TRY(captured(statement)));
    case Statement::Kind::filter:
      return write(TRY(print(machine_, TRY(captured(statement)))));
    case Statement::Kind::macro:
      if (macros_.size() >= kMacrosMax) return machine_.error("too many macros");
      macros_.push_back(&statement);
      assign_in(scopes_.back(), statement.names[0], Value::of(CallableIndex{macros_.size() - 1}));
      return ok();
    default:
      return ok();
  }
}

Result<Flow> Interpreter::run_scope(const Statement& statement) {
  Variables values;
  for (const Argument& parameter : statement.parameters) {
    values.emplace_back(parameter.name, TRY(evaluate(*parameter.value)));
  }
  scopes_.push_back(std::move(values));
  const Flow flow = TRY(run_block(statement.body));
  scopes_.pop_back();
  return flow;
}

// What the body writes, instead of writing it, through the filters there are.
Result<Value> Interpreter::captured(const Statement& statement) {
  scopes_.emplace_back();
  Value value = TRY(written_by(statement.body));
  scopes_.pop_back();
  if (!statement.value) return value;
  scopes_.push_back({{kCapturedName, std::move(value)}});
  value = TRY(evaluate(*statement.value));
  scopes_.pop_back();
  return value;
}

Result<Value> Interpreter::written_by(const Block& body) {
  Text outer = std::exchange(out_, Text());
  TRY(run_block(body));
  return machine_.make_text(std::exchange(out_, std::move(outer)));
}

Status Interpreter::write(const Text& text) {
  if (out_.bytes.size() + text.bytes.size() > kOutputBytesMax) {
    return make_error(ErrorCode::too_large, "chat template: its output is longer than " +
                                                std::to_string(kOutputBytesMax) + " bytes");
  }
  out_.append(text);
  return ok();
}

Status Interpreter::bind_loop_names(const Statement& statement, const Value& item) {
  if (statement.names.size() == 1) {
    scopes_.back().emplace_back(statement.names[0], item);
    return ok();
  }
  const List* pair = item.list();
  if (!pair || pair->size() != statement.names.size()) {
    return machine_.error("for: an item is no pair of two values");
  }
  for (size_t i = 0; i < pair->size(); ++i) {
    scopes_.back().emplace_back(statement.names[i], (*pair)[i]);
  }
  return ok();
}

Result<List> Interpreter::loop_items(const Statement& statement) {
  const Value value = TRY(evaluate(*statement.value));
  List items = TRY(iterate(machine_, value));
  if (!statement.condition) return items;
  List kept;
  for (Value& item : items) {
    scopes_.emplace_back();
    TRY(bind_loop_names(statement, item));
    const bool is_kept = TRY(evaluate(*statement.condition)).is_true();
    scopes_.pop_back();
    if (is_kept) kept.push_back(std::move(item));
  }
  return kept;
}

Result<Flow> Interpreter::run_loop(const Statement& statement) {
  const List items = TRY(loop_items(statement));
  if (items.empty()) return run_block(statement.otherwise);
  for (size_t i = 0; i < items.size(); ++i) {
    constexpr int64_t kStepsOfState = 12;  // making `loop` takes as long as so many nodes
    TRY(machine_.spend(kStepsOfState));
    scopes_.emplace_back();
    TRY(bind_loop_names(statement, items[i]));
    scopes_.back().emplace_back("loop", loop_state(items, i));
    const Flow flow = TRY(run_block(statement.body));
    scopes_.pop_back();
    if (flow == Flow::leave) break;
  }
  return Flow::next;
}

Value Interpreter::loop_state(const List& items, size_t i) {
  const auto index = static_cast<int64_t>(i);
  const auto count = static_cast<int64_t>(items.size());
  Dict loop;
  loop.members = {
      {Text::own("index"), Value::of(index + 1)},
      {Text::own("index0"), Value::of(index)},
      {Text::own("first"), Value::of(i == 0)},
      {Text::own("last"), Value::of(i + 1 == items.size())},
      {Text::own("length"), Value::of(count)},
      {Text::own("revindex"), Value::of(count - index)},
      {Text::own("revindex0"), Value::of(count - index - 1)},
      {Text::own("previtem"), i > 0 ? items[i - 1] : Value()},
      {Text::own("nextitem"), i + 1 < items.size() ? items[i + 1] : Value()},
  };
  return Value::of(std::move(loop));
}

Status Interpreter::assign(const Statement& statement, Value value) {
  if (!statement.is_attribute && statement.names.size() == 1) {
    assign_in(scopes_.back(), statement.names[0], std::move(value));
    return ok();
  }
  if (!statement.is_attribute) {
    const List values = TRY(iterate(machine_, value));
    if (values.size() != statement.names.size()) {
      return machine_.error("set: as many values as names are needed");
    }
    for (size_t i = 0; i < values.size(); ++i) {
      assign_in(scopes_.back(), statement.names[i], values[i]);
    }
    return ok();
  }
  const NamespaceIndex* target = lookup(statement.names[0]).namespace_index();
  if (!target) {
    return machine_.error("set: '" + statement.names[0] + "' is no namespace");
  }
  assign_in(namespaces_[target->index], statement.names[1], std::move(value));
  return ok();
}

void Interpreter::assign_in(Variables& variables, const std::string& name, Value value) {
  const auto at = std::find_if(variables.begin(), variables.end(),
                               [&](const auto& variable) { return variable.first == name; });
  if (at == variables.end()) {
    variables.emplace_back(name, std::move(value));
  } else {
    at->second = std::move(value);
  }
}

// A macro sees its own scopes and the outermost one.
const Value& Interpreter::lookup(std::string_view name) const {
  static const Value undefined;
  for (size_t i = scopes_.size(); i-- > 0;) {
    if (i < first_scope_ && i > 0) i = 0;
    for (const auto& variable : scopes_[i]) {
      if (variable.first == name) return variable.second;
    }
  }
  return undefined;
}

Result<Text> render(const Block& block, Variables variables, int64_t unix_s) {
  return Interpreter(std::move(variables), unix_s).run(block);
}

}  // namespace plinth::engine::templates
