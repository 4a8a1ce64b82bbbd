// SPDX-License-Identifier: Apache-2.0
// A tree walk. Variables live in scopes; a loop's body has its own, fresh in every turn, so that
// `set` inside a loop changes nothing outside of it (that is what namespaces are for).
#include "engine/template/interpreter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/template/builtins.h"
#include "engine/template/text_functions.h"

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

namespace {

constexpr int64_t kRangeMax = 100'000;

// What runs after a statement: the next one, or the end of the loop's body or of the loop.
enum class Flow : uint8_t { next, proceed, leave };

class Interpreter {
 public:
  Interpreter(Variables variables, int64_t unix_s) : unix_s_(unix_s) {
    scopes_.push_back(std::move(variables));
  }

  Result<Text> run(const Block& block) {
    TRY(run_block(block));
    return std::move(out_);
  }

 private:
  // How deep the calls below are inside each other, whatever they are.
  Status enter() {
    if (++depth_ <= kDepthMax) return ok();
    return make_error(ErrorCode::too_large, machine_
                                                .error("more than " + std::to_string(kDepthMax) +
                                                       " macros, blocks and expressions are "
                                                       "inside each other")
                                                .message);
  }

  Result<Flow> run_block(const Block& block) {
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

  Result<Flow> run_statement(const Statement& statement) {
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

  Status run_definition(const Statement& statement) {
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

  Result<Flow> run_scope(const Statement& statement) {
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
  Result<Value> captured(const Statement& statement) {
    scopes_.emplace_back();
    Value value = TRY(written_by(statement.body));
    scopes_.pop_back();
    if (!statement.value) return value;
    scopes_.push_back({{kCapturedName, std::move(value)}});
    value = TRY(evaluate(*statement.value));
    scopes_.pop_back();
    return value;
  }

  Result<Value> written_by(const Block& body) {
    Text outer = std::exchange(out_, Text());
    TRY(run_block(body));
    return machine_.make_text(std::exchange(out_, std::move(outer)));
  }

  Status write(const Text& text) {
    if (out_.bytes.size() + text.bytes.size() > kOutputBytesMax) {
      return make_error(ErrorCode::too_large, "chat template: its output is longer than " +
                                                  std::to_string(kOutputBytesMax) + " bytes");
    }
    out_.append(text);
    return ok();
  }

  Status bind_loop_names(const Statement& statement, const Value& item) {
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

  Result<List> loop_items(const Statement& statement) {
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

  Result<Flow> run_loop(const Statement& statement) {
    const List items = TRY(loop_items(statement));
    if (items.empty()) return run_block(statement.otherwise);
    for (size_t i = 0; i < items.size(); ++i) {
      constexpr int64_t kStepsOfState = 4;  // making `loop` takes as long as so many nodes
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

  static Value loop_state(const List& items, size_t i) {
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

  Status assign(const Statement& statement, Value value) {
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

  static void assign_in(Variables& variables, const std::string& name, Value value) {
    const auto at = std::find_if(variables.begin(), variables.end(),
                                 [&](const auto& variable) { return variable.first == name; });
    if (at == variables.end()) {
      variables.emplace_back(name, std::move(value));
    } else {
      at->second = std::move(value);
    }
  }

  // A macro sees its own scopes and the outermost one.
  const Value& lookup(std::string_view name) const {
    static const Value undefined;
    for (size_t i = scopes_.size(); i-- > 0;) {
      if (i < first_scope_ && i > 0) i = 0;
      for (const auto& variable : scopes_[i]) {
        if (variable.first == name) return variable.second;
      }
    }
    return undefined;
  }

  Result<Value> evaluate(const Expression& node) {
    TRY(enter());
    Value value = TRY(value_of(node));
    --depth_;
    return value;
  }

  Result<Value> value_of(const Expression& node) {
    machine_.set_line(node.line);
    TRY(machine_.spend(1));
    switch (node.kind) {
      case Expression::Kind::literal:
        return node.literal;
      case Expression::Kind::name: {
        const Value& found = lookup(node.text);
        const bool is_function = found.is_undefined() && find_function(node.text) != nullptr;
        return is_function ? Value::of(CallableIndex()) : found;
      }
      case Expression::Kind::list:
        return make_list(node);
      case Expression::Kind::dict:
        return make_dict(node);
      case Expression::Kind::attribute:
        return attribute(TRY(evaluate(*node.children[0])), node.text);
      case Expression::Kind::subscript:
        return subscript(node);
      case Expression::Kind::slice:
        return slice(node);
      case Expression::Kind::call:
        return call_function(node);
      case Expression::Kind::method: {
        const Value object = TRY(evaluate(*node.children[0]));
        return call_method(machine_, object, node.text, TRY(arguments_of(node)));
      }
      case Expression::Kind::filter: {
        const Value input = TRY(evaluate(*node.children[0]));
        return apply_filter(machine_, node.text, input, TRY(arguments_of(node)));
      }
      case Expression::Kind::test: {
        const Value input = TRY(evaluate(*node.children[0]));
        return Value::of(TRY(apply_test(machine_, node.text, input, TRY(arguments_of(node)))));
      }
      case Expression::Kind::chain:
        return compare_all(node);
      default:
        return evaluate_operator(node);
    }
  }

  Result<Value> evaluate_operator(const Expression& node) {
    if (node.kind == Expression::Kind::conditional) {
      if (TRY(evaluate(*node.children[1])).is_true()) return evaluate(*node.children[0]);
      return node.children[2] ? evaluate(*node.children[2]) : Value();
    }
    Value left = TRY(evaluate(*node.children[0]));
    switch (node.kind) {
      case Expression::Kind::logical_not:
        return Value::of(!left.is_true());
      case Expression::Kind::logical_and:
        return left.is_true() ? evaluate(*node.children[1]) : Result<Value>(std::move(left));
      case Expression::Kind::logical_or:
        return left.is_true() ? Result<Value>(std::move(left)) : evaluate(*node.children[1]);
      case Expression::Kind::negate:
        return apply_binary(machine_, Operator::subtract, Value::of(int64_t{0}), left);
      default: {
        const Value right = TRY(evaluate(*node.children[1]));
        TRY(spend_on(left, right));
        return apply_binary(machine_, node.operation, left, right);
      }
    }
  }

  // a < b < c: each pair in turn, until one does not hold.
  Result<Value> compare_all(const Expression& node) {
    Value left = TRY(evaluate(*node.children[0]));
    for (size_t i = 0; i < node.operations.size(); ++i) {
      Value right = TRY(evaluate(*node.children[i + 1]));
      TRY(spend_on(left, right));
      if (!TRY(apply_binary(machine_, node.operations[i], left, right)).is_true()) {
        return Value::of(false);
      }
      left = std::move(right);
    }
    return Value::of(true);
  }

  // Comparing and searching touch a container's items.
  Status spend_on(const Value& left, const Value& right) {
    if (const List* list = right.list()) return machine_.spend(static_cast<int64_t>(list->size()));
    if (left.text() && right.text()) return machine_.spend_on_search(*right.text(), *left.text());
    return ok();
  }

  Result<Value> make_list(const Expression& node) {
    List items;
    for (const ExpressionPointer& child : node.children) items.push_back(TRY(evaluate(*child)));
    return machine_.make_list(std::move(items));
  }

  Result<Value> make_dict(const Expression& node) {
    Dict dict;
    for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
      const Value key = TRY(evaluate(*node.children[i]));
      if (!key.text()) return machine_.error("the keys of a mapping are strings");
      dict.members.emplace_back(*key.text(), TRY(evaluate(*node.children[i + 1])));
    }
    return Value::of(std::move(dict));
  }

  Result<Value> member(const Value& object, std::string_view name) {
    const NamespaceIndex* target = object.namespace_index();
    if (!target) return member_of(machine_, object, name);
    for (const auto& variable : namespaces_[target->index]) {
      if (variable.first == name) return variable.second;
    }
    return Value();
  }

  // object.name: a method comes before a member of its name, as in Jinja.
  Result<Value> attribute(const Value& object, std::string_view name) {
    if (has_method(object, name)) return Value::of(CallableIndex());
    return member(object, name);
  }

  // object[key]: a member comes before a method of its name.
  Result<Value> subscript(const Expression& node) {
    const Value object = TRY(evaluate(*node.children[0]));
    const Value key = TRY(evaluate(*node.children[1]));
    if (key.text()) {
      const std::string& name = key.text()->bytes;
      Value found = TRY(member(object, name));
      return found.is_undefined() && has_method(object, name) ? Value::of(CallableIndex()) : found;
    }
    if (object.is_undefined()) return machine_.error("an item is read from an undefined value");
    const auto index = key.as_integer();
    if (!index || !(object.list() || object.text())) return Value();
    const List items = object.list() ? List() : TRY(iterate(machine_, object));
    const List& list = object.list() ? *object.list() : items;
    const auto count = static_cast<int64_t>(list.size());
    const int64_t at = *index < 0 ? *index + count : *index;
    if (at < 0 || at >= count) return Value();
    return list[static_cast<size_t>(at)];
  }

  Result<std::optional<int64_t>> slice_bound(const Expression* node) {
    if (!node) return std::optional<int64_t>();
    const Value value = TRY(evaluate(*node));
    if (value.is_none()) return std::optional<int64_t>();
    if (!value.as_integer()) return machine_.error("the bounds of a slice are integers");
    return value.as_integer();
  }

  // Python's rules for list[begin:end:step] and text[begin:end:step].
  Result<Value> slice(const Expression& node) {
    const Value object = TRY(evaluate(*node.children[0]));
    if (!object.list() && !object.text()) {
      return machine_.error("a value of type " + std::string(object.type_name()) +
                            " cannot be sliced");
    }
    const List items = TRY(iterate(machine_, object));
    const auto count = static_cast<int64_t>(items.size());
    const auto begin = TRY(slice_bound(node.children[1].get()));
    const auto end = TRY(slice_bound(node.children[2].get()));
    const int64_t step = TRY(slice_bound(node.children[3].get())).value_or(1);
    constexpr int64_t kStepMax = 1 << 20;
    if (step == 0 || step > kStepMax || step < -kStepMax) {
      return machine_.error("a slice's step is not 0");
    }
    const int64_t lowest = step > 0 ? 0 : -1;
    const int64_t highest = step > 0 ? count : count - 1;
    const auto place = [&](std::optional<int64_t> bound, int64_t fallback) {
      if (!bound) return fallback;
      return std::clamp(*bound < 0 ? *bound + count : *bound, lowest, highest);
    };
    const int64_t first = place(begin, step > 0 ? 0 : count - 1);
    const int64_t last = place(end, step > 0 ? count : -1);
    List kept;
    for (int64_t i = first; step > 0 ? i < last : i > last; i += step) {
      kept.push_back(items[static_cast<size_t>(i)]);
    }
    if (object.list()) return machine_.make_list(std::move(kept));
    Text joined;
    for (const Value& item : kept) joined.append(*item.text());
    return machine_.make_text(std::move(joined));
  }

  Result<Values> arguments_of(const Expression& node) {
    Values values;
    for (const Argument& argument : node.arguments) {
      values.push_back({argument.name, TRY(evaluate(*argument.value))});
    }
    return values;
  }

  struct FunctionRow {
    std::string_view name;
    Result<Value> (Interpreter::*function)(const Values& arguments);
  };

  static const FunctionRow* find_function(std::string_view name) {
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

  Result<Value> call_function(const Expression& node) {
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

  Result<Value> call_macro(const Statement& macro, const Values& arguments) {
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

  Result<Value> raise(const Values& arguments) {
    const Text cause = arguments.empty() ? Text() : TRY(print(machine_, arguments[0].value));
    return machine_.error("the template refuses: " + cause.bytes);
  }

  Result<Value> show_time(const Values& arguments) {
    const Value* format = argument_at(arguments, 0, "format");
    if (!format || !format->text()) return machine_.error("strftime_now: needs a format");
    const auto text = format_time(unix_s_, format->text()->bytes);
    if (!text) return machine_.error("strftime_now: the format is not supported");
    return machine_.make_text(Text::own(*text));
  }

  Result<Value> make_mapping(const Values& arguments) {
    Dict dict;
    for (const NamedValue& argument : arguments) {
      if (argument.name.empty()) return machine_.error("dict: arguments have names");
      dict.members.emplace_back(Text::own(argument.name), argument.value);
    }
    return Value::of(std::move(dict));
  }

  Result<Value> make_namespace(const Values& arguments) {
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

  Result<Value> make_range(const Values& arguments) {
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

  Machine machine_;
  const int64_t unix_s_;
  int depth_ = 0;
  Text out_;
  std::vector<Variables> scopes_;
  size_t first_scope_ = 0;  // of the macro that runs
  std::vector<Variables> namespaces_;
  std::vector<const Statement*> macros_;
};

}  // namespace

Result<Text> render(const Block& block, Variables variables, int64_t unix_s) {
  return Interpreter(std::move(variables), unix_s).run(block);
}

}  // namespace plinth::engine::templates
