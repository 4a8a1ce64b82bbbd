// SPDX-License-Identifier: Apache-2.0
// A tree walk. Variables live in scopes; a loop's body has its own, fresh in every turn, so that
// `set` inside a loop changes nothing outside of it (that is what namespaces are for).
#include "engine/template/interpreter.h"

#include <algorithm>
#include <optional>

#include "engine/template/builtins.h"

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

class Interpreter {
 public:
  explicit Interpreter(Variables variables) { scopes_.push_back(std::move(variables)); }

  Result<Text> run(const Block& block) {
    TRY(run_block(block));
    return std::move(out_);
  }

 private:
  Status run_block(const Block& block) {
    for (const Statement& statement : block) TRY(run_statement(statement));
    return ok();
  }

  Status run_statement(const Statement& statement) {
    machine_.set_line(statement.line);
    TRY(machine_.spend(1));
    switch (statement.kind) {
      case Statement::Kind::text:
        return write(Text::own(statement.text));
      case Statement::Kind::output: {
        const Value value = TRY(evaluate(*statement.value));
        return write(TRY(print(machine_, value)));
      }
      case Statement::Kind::branch:
        for (const Branch& branch : statement.branches) {
          if (!branch.condition || TRY(evaluate(*branch.condition)).is_true()) {
            return run_block(branch.body);
          }
        }
        return ok();
      case Statement::Kind::loop:
        return run_loop(statement);
      case Statement::Kind::assign:
        return run_assign(statement);
    }
    return ok();
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

  Status run_loop(const Statement& statement) {
    const List items = TRY(loop_items(statement));
    if (items.empty()) return run_block(statement.otherwise);
    for (size_t i = 0; i < items.size(); ++i) {
      scopes_.emplace_back();
      TRY(bind_loop_names(statement, items[i]));
      scopes_.back().emplace_back("loop", loop_state(items, i));
      TRY(run_block(statement.body));
      scopes_.pop_back();
    }
    return ok();
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

  Status run_assign(const Statement& statement) {
    Value value = TRY(evaluate(*statement.value));
    if (!statement.is_attribute) {
      assign_in(scopes_.back(), statement.names[0], std::move(value));
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

  const Value& lookup(std::string_view name) const {
    static const Value undefined;
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      for (const auto& variable : *scope) {
        if (variable.first == name) return variable.second;
      }
    }
    return undefined;
  }

  Result<Value> evaluate(const Expression& node) {
    machine_.set_line(node.line);
    TRY(machine_.spend(1));
    switch (node.kind) {
      case Expression::Kind::literal:
        return node.literal;
      case Expression::Kind::name:
        return lookup(node.text);
      case Expression::Kind::list:
        return make_list(node);
      case Expression::Kind::dict:
        return make_dict(node);
      case Expression::Kind::attribute:
        return member(TRY(evaluate(*node.children[0])), node.text);
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
        return Value::of(TRY(apply_test(machine_, node.text, input)));
      }
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

  // An absent member is undefined; a member of an undefined value is an error, as in Jinja.
  Result<Value> member(const Value& object, std::string_view name) {
    if (const Dict* dict = object.dict()) {
      const Value* found = dict->find(name);
      return found ? *found : Value();
    }
    if (const NamespaceIndex* target = object.namespace_index()) {
      for (const auto& variable : namespaces_[target->index]) {
        if (variable.first == name) return variable.second;
      }
      return Value();
    }
    if (object.is_undefined()) {
      return machine_.error("'" + std::string(name) + "' is read from an undefined value");
    }
    return Value();
  }

  Result<Value> subscript(const Expression& node) {
    const Value object = TRY(evaluate(*node.children[0]));
    const Value key = TRY(evaluate(*node.children[1]));
    if (key.text()) return member(object, key.text()->bytes);
    const auto index = key.as_integer();
    if (!index || !(object.list() || object.text())) {
      return machine_.error("a value of type " + std::string(object.type_name()) +
                            " has no item for a key of type " + std::string(key.type_name()));
    }
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
    if (step != 1 && step != -1) return machine_.error("a slice's step is 1 or -1");
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

  Result<Value> call_function(const Expression& node) {
    const Values arguments = TRY(arguments_of(node));
    if (node.text == "raise_exception") {
      const Text cause = arguments.empty() ? Text() : TRY(print(machine_, arguments[0].value));
      return machine_.error("the template refuses: " + cause.bytes);
    }
    if (node.text == "namespace") return make_namespace(arguments);
    if (node.text == "range") return make_range(arguments);
    return machine_.error("the function '" + node.text + "' is not supported");
  }

  Result<Value> make_namespace(const Values& arguments) {
    if (namespaces_.size() >= kNamespacesMax) return machine_.error("too many namespaces");
    Variables members;
    for (const NamedValue& argument : arguments) {
      if (argument.name.empty()) return machine_.error("namespace: arguments have names");
      assign_in(members, argument.name, argument.value);
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
    if (bounds.empty() || bounds.size() > 2) return machine_.error("range: one or two bounds");
    const int64_t begin = bounds.size() == 2 ? bounds[0] : 0;
    const int64_t end = bounds.back();
    if (begin < -kRangeMax || end > kRangeMax) return machine_.error("range: too long");
    List numbers;
    for (int64_t i = begin; i < end; ++i) numbers.push_back(Value::of(i));
    return machine_.make_list(std::move(numbers));
  }

  Machine machine_;
  Text out_;
  std::vector<Variables> scopes_;
  std::vector<Variables> namespaces_;
};

}  // namespace

Result<Text> render(const Block& block, Variables variables) {
  return Interpreter(std::move(variables)).run(block);
}

}  // namespace plinth::engine::templates
