// SPDX-License-Identifier: Apache-2.0
// Operators between two values, as Python's.
#include <algorithm>
#include <cmath>

#include "engine/template/builtins.h"

namespace plinth::engine::templates {
namespace {

std::optional<bool> contains(const Value& container, const Value& item) {
  if (const Text* text = container.text()) {
    if (!item.text()) return std::nullopt;
    return text->bytes.find(item.text()->bytes) != std::string::npos;
  }
  if (const List* list = container.list()) {
    return std::any_of(list->begin(), list->end(),
                       [&](const Value& member) { return is_equal(member, item); });
  }
  if (const Dict* dict = container.dict()) return dict->find_key(item) != nullptr;
  if (container.is_undefined()) return false;
  return std::nullopt;
}

Result<Value> add_values(Machine& machine, const Value& left, const Value& right) {
  if (left.text() && right.text()) {
    if (left.text()->bytes.size() + right.text()->bytes.size() > kTextBytesMax) {
      return machine.error("+: the text is too long");
    }
    Text joined = *left.text();
    joined.append(*right.text());
    return machine.make_text(std::move(joined));
  }
  List joined = *left.list();
  joined.insert(joined.end(), right.list()->begin(), right.list()->end());
  return machine.make_list(std::move(joined));
}

Result<Value> repeat_text(Machine& machine, const Text& text, int64_t count) {
  if (count <= 0) return Value::of(Text());
  if (text.bytes.size() * static_cast<uint64_t>(std::min(count, int64_t{1} << 32)) >
      kTextBytesMax) {
    return machine.error("*: the text is too long");
  }
  Text repeated;
  if (text.bytes.empty()) return Value::of(std::move(repeated));
  for (int64_t i = 0; i < count; ++i) repeated.append(text);
  return machine.make_text(std::move(repeated));
}

Result<Value> apply_integers(Machine& machine, Operator operation, int64_t a, int64_t b) {
  int64_t result = 0;
  bool is_overflow = false;
  if (operation == Operator::add) {
    is_overflow = __builtin_add_overflow(a, b, &result);
  } else if (operation == Operator::subtract) {
    is_overflow = __builtin_sub_overflow(a, b, &result);
  } else if (operation == Operator::multiply) {
    is_overflow = __builtin_mul_overflow(a, b, &result);
  } else if (b == 0 || b == -1) {
    if (b == 0) return machine.error("division by zero");
    is_overflow = operation == Operator::floor_divide && __builtin_sub_overflow(0, a, &result);
  } else {
    // Rounds towards minus infinity, as Python does.
    const int64_t shift = a % b != 0 && (a % b < 0) != (b < 0) ? 1 : 0;
    result = operation == Operator::floor_divide ? a / b - shift : a % b + shift * b;
  }
  if (is_overflow) return machine.error("a number grows past 64 bits");
  return Value::of(result);
}

Result<Value> apply_power(Machine& machine, const Value& left, const Value& right) {
  const auto base = left.as_integer();
  const auto exponent = right.as_integer();
  if (!base || !exponent || *exponent < 0) {
    const double power = std::pow(left.as_double(), right.as_double());
    if (!std::isfinite(power)) return machine.error("**: the result is no number");
    return Value::of(power);
  }
  int64_t power = 1;
  for (int64_t i = 0; i < *exponent; ++i) {
    if (i > 64 && (power == 0 || power == 1 || power == -1)) break;
    if (__builtin_mul_overflow(power, *base, &power)) {
      return machine.error("a number grows past 64 bits");
    }
  }
  if (*base == -1 && *exponent > 64) power = *exponent % 2 == 0 ? 1 : -1;
  return Value::of(power);
}

Result<Value> apply_arithmetic(Machine& machine, Operator operation, const Value& left,
                               const Value& right) {
  if (operation == Operator::power) return apply_power(machine, left, right);
  const auto a = left.as_integer();
  const auto b = right.as_integer();
  if (a && b && operation != Operator::divide) return apply_integers(machine, operation, *a, *b);
  const double x = left.as_double();
  const double y = right.as_double();
  if (operation == Operator::add) return Value::of(x + y);
  if (operation == Operator::subtract) return Value::of(x - y);
  if (operation == Operator::multiply) return Value::of(x * y);
  if (y == 0) return machine.error("division by zero");
  if (operation == Operator::divide) return Value::of(x / y);
  const double quotient = std::floor(x / y);
  return Value::of(operation == Operator::floor_divide ? quotient : x - quotient * y);
}

bool is_arithmetic(Operator operation) { return operation >= Operator::add; }

}  // namespace

std::optional<int> compare(const Value& left, const Value& right) {
  if (left.is_number() && right.is_number()) {
    const auto a = left.as_integer();
    const auto b = right.as_integer();
    if (a && b) return *a < *b ? -1 : *a > *b ? 1 : 0;
    const double difference = left.as_double() - right.as_double();
    return difference < 0 ? -1 : difference > 0 ? 1 : 0;
  }
  if (left.text() && right.text()) {
    const int order = left.text()->bytes.compare(right.text()->bytes);
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  if (!left.list() || !right.list()) return std::nullopt;
  const size_t shorter = std::min(left.list()->size(), right.list()->size());
  for (size_t i = 0; i < shorter; ++i) {
    if (is_equal((*left.list())[i], (*right.list())[i])) continue;
    return compare((*left.list())[i], (*right.list())[i]);
  }
  return compare(Value::of(static_cast<int64_t>(left.list()->size())),
                 Value::of(static_cast<int64_t>(right.list()->size())));
}

Result<Value> apply_binary(Machine& machine, Operator operation, const Value& left,
                           const Value& right) {
  switch (operation) {
    case Operator::equal:
      return Value::of(is_equal(left, right));
    case Operator::not_equal:
      return Value::of(!is_equal(left, right));
    case Operator::in:
    case Operator::not_in: {
      const auto found = contains(right, left);
      if (!found) break;
      return Value::of(*found == (operation == Operator::in));
    }
    case Operator::less:
    case Operator::less_equal:
    case Operator::greater:
    case Operator::greater_equal: {
      const auto order = compare(left, right);
      if (!order) break;
      if (operation == Operator::less) return Value::of(*order < 0);
      if (operation == Operator::less_equal) return Value::of(*order <= 0);
      if (operation == Operator::greater) return Value::of(*order > 0);
      return Value::of(*order >= 0);
    }
    case Operator::concatenate: {
      Text joined = TRY(print(machine, left));
      joined.append(TRY(print(machine, right)));
      return machine.make_text(std::move(joined));
    }
    default:
      break;
  }
  if (is_arithmetic(operation) && left.is_number() && right.is_number()) {
    return apply_arithmetic(machine, operation, left, right);
  }
  const bool is_joinable = (left.text() && right.text()) || (left.list() && right.list());
  if (operation == Operator::add && is_joinable) return add_values(machine, left, right);
  if (operation == Operator::multiply && left.text() && right.as_integer()) {
    return repeat_text(machine, *left.text(), *right.as_integer());
  }
  if (operation == Operator::multiply && right.text() && left.as_integer()) {
    return repeat_text(machine, *right.text(), *left.as_integer());
  }
  return machine.error("an operator does not work between values of type " +
                       std::string(left.type_name()) + " and " + std::string(right.type_name()));
}

}  // namespace plinth::engine::templates
