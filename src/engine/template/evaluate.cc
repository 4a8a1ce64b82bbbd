// SPDX-License-Identifier: Apache-2.0
// Expressions: each node's value, from the values of its children.
#include <algorithm>

#include "engine/template/interpreter_state.h"

namespace plinth::engine::templates {

Result<Value> Interpreter::evaluate(const Expression& node) {
  TRY(enter());
  Value value = TRY(value_of(node));
  --depth_;
  return value;
}

Result<Value> Interpreter::value_of(const Expression& node) {
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

Result<Value> Interpreter::evaluate_operator(const Expression& node) {
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
Result<Value> Interpreter::compare_all(const Expression& node) {
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
Status Interpreter::spend_on(const Value& left, const Value& right) {
  if (const List* list = right.list()) return machine_.spend(static_cast<int64_t>(list->size()));
  if (left.text() && right.text()) return machine_.spend_on_search(*right.text(), *left.text());
  return ok();
}

Result<Value> Interpreter::make_list(const Expression& node) {
  List items;
  for (const ExpressionPointer& child : node.children) items.push_back(TRY(evaluate(*child)));
  return machine_.make_list(std::move(items));
}

// A key that was there before keeps its place and gets the new value.
Result<Value> Interpreter::make_dict(const Expression& node) {
  Dict dict;
  for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
    const Value key = TRY(evaluate(*node.children[i]));
    const bool is_integer = key.integer() != nullptr;
    if (i == 0) dict.has_integer_keys = is_integer;
    if (!(is_integer || key.text()) || is_integer != dict.has_integer_keys) {
      return machine_.error("the keys of a mapping are all strings or all integers");
    }
    const Text text = is_integer ? Text::own(std::to_string(*key.integer())) : *key.text();
    TRY(machine_.spend(static_cast<int64_t>(dict.members.size() / 16)));
    Value value = TRY(evaluate(*node.children[i + 1]));
    const auto at = std::find_if(dict.members.begin(), dict.members.end(), [&](const auto& member) {
      return member.first.bytes == text.bytes;
    });
    if (at == dict.members.end()) {
      dict.members.emplace_back(text, std::move(value));
    } else {
      at->second = std::move(value);
    }
  }
  return Value::of(std::move(dict));
}

Result<Value> Interpreter::member(const Value& object, std::string_view name) {
  const NamespaceIndex* target = object.namespace_index();
  if (!target) return member_of(machine_, object, name);
  for (const auto& variable : namespaces_[target->index]) {
    if (variable.first == name) return variable.second;
  }
  return Value();
}

// object.name: a method comes before a member of its name, as in Jinja.
Result<Value> Interpreter::attribute(const Value& object, std::string_view name) {
  if (has_method(object, name)) return Value::of(CallableIndex());
  return member(object, name);
}

// object[key]: a member comes before a method of its name.
Result<Value> Interpreter::subscript(const Expression& node) {
  const Value object = TRY(evaluate(*node.children[0]));
  const Value key = TRY(evaluate(*node.children[1]));
  if (key.text()) {
    const std::string& name = key.text()->bytes;
    Value found = TRY(member(object, name));
    return found.is_undefined() && has_method(object, name) ? Value::of(CallableIndex()) : found;
  }
  if (object.is_undefined()) return machine_.error("an item is read from an undefined value");
  if (object.dict()) {
    const Value* found = object.dict()->find_key(key);
    return found ? *found : Value();
  }
  const auto index = key.as_integer();
  if (!index || !(object.list() || object.text())) return Value();
  const List items = object.list() ? List() : TRY(iterate(machine_, object));
  const List& list = object.list() ? *object.list() : items;
  const auto count = static_cast<int64_t>(list.size());
  const int64_t at = *index < 0 ? *index + count : *index;
  if (at < 0 || at >= count) return Value();
  return list[static_cast<size_t>(at)];
}

Result<std::optional<int64_t>> Interpreter::slice_bound(const Expression* node) {
  if (!node) return std::optional<int64_t>();
  const Value value = TRY(evaluate(*node));
  if (value.is_none()) return std::optional<int64_t>();
  if (!value.as_integer()) return machine_.error("the bounds of a slice are integers");
  return value.as_integer();
}

// Python's rules for list[begin:end:step] and text[begin:end:step].
Result<Value> Interpreter::slice(const Expression& node) {
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

}  // namespace plinth::engine::templates
