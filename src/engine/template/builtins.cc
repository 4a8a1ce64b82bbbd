// SPDX-License-Identifier: Apache-2.0
// One table each for filters, tests and methods. Case changes are ASCII only, so that every byte
// keeps its mark.
#include "engine/template/builtins.h"

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/text.h"

namespace plinth::engine::templates {
namespace {

constexpr std::string_view kSpace = " \t\n\r\f\v";

const Value* argument_at(const Values& arguments, size_t position, std::string_view name) {
  size_t index = 0;
  for (const NamedValue& argument : arguments) {
    if (argument.name.empty() ? index++ == position : argument.name == name) return &argument.value;
  }
  return nullptr;
}

Error wrong_input(Machine& machine, std::string_view name, const Value& value) {
  return machine.error(std::string(name) + " does not work on a value of type " +
                       std::string(value.type_name()));
}

Result<Value> strip(Machine& machine, std::string_view name, const Value& input,
                    const Values& arguments, bool is_left, bool is_right) {
  const Text* text = input.text();
  if (!text) return wrong_input(machine, name, input);
  std::string_view characters = kSpace;
  if (const Value* given = argument_at(arguments, 0, "chars"); given && given->text()) {
    characters = given->text()->bytes;
  }
  size_t begin = is_left ? text->bytes.find_first_not_of(characters) : 0;
  if (begin == std::string::npos) begin = text->bytes.size();
  size_t end = text->bytes.size();
  if (is_right) {
    const size_t last = text->bytes.find_last_not_of(characters);
    end = last == std::string::npos ? begin : std::max(begin, last + 1);
  }
  return machine.make_text(text->slice(begin, end - begin));
}

Result<Value> change_case(Machine& machine, std::string_view name, const Value& input,
                          bool is_upper) {
  const Text* text = input.text();
  if (!text) return wrong_input(machine, name, input);
  Text changed = *text;
  for (char& c : changed.bytes) {
    if (is_upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!is_upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return machine.make_text(std::move(changed));
}

size_t count_code_points(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

Result<Value> length_of(Machine& machine, const Value& input) {
  size_t length = 0;
  if (const Text* text = input.text()) {
    TRY(machine.spend(static_cast<int64_t>(text->bytes.size() / 64)));
    length = count_code_points(text->bytes);
  } else if (const List* list = input.list()) {
    length = list->size();
  } else if (const Dict* dict = input.dict()) {
    length = dict->members.size();
  } else if (!input.is_undefined()) {
    return wrong_input(machine, "length", input);
  }
  return Value::of(static_cast<int64_t>(length));
}

Result<Value> join_list(Machine& machine, const Value& input, const Values& arguments) {
  const Value* separator = argument_at(arguments, 0, "d");
  if (separator && !separator->text()) return machine.error("join: the separator is a string");
  const List items = TRY(iterate(machine, input));
  Text joined;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0 && separator) joined.append(*separator->text());
    joined.append(TRY(print(machine, items[i])));
    if (joined.bytes.size() > kTextBytesMax) return machine.error("join: the text is too long");
  }
  return machine.make_text(std::move(joined));
}

Result<Value> default_of(const Value& input, const Values& arguments) {
  const Value* fallback = argument_at(arguments, 0, "default_value");
  const Value* is_falsy_replaced = argument_at(arguments, 1, "boolean");
  const bool is_replaced = input.is_undefined() ||
                           (is_falsy_replaced && is_falsy_replaced->is_true() && !input.is_true());
  if (!is_replaced) return input;
  return fallback ? *fallback : Value::of(Text());
}

Result<Value> items_of(Machine& machine, std::string_view name, const Value& input, bool has_keys,
                       bool has_values) {
  const Dict* dict = input.dict();
  if (!dict) return wrong_input(machine, name, input);
  List items;
  for (const auto& [key, value] : dict->members) {
    if (has_keys && has_values) {
      items.push_back(Value::of(List{Value::of(key), value}));
    } else {
      items.push_back(has_keys ? Value::of(key) : value);
    }
  }
  return machine.make_list(std::move(items));
}

Result<Value> edge_of(Machine& machine, const Value& input, bool is_first) {
  const List items = TRY(iterate(machine, input));
  if (items.empty()) return Value();
  return is_first ? items.front() : items.back();
}

Result<Value> split_text(Machine& machine, const Text& text, const Values& arguments) {
  const Value* separator = argument_at(arguments, 0, "sep");
  if (!separator || !separator->text() || separator->text()->bytes.empty()) {
    return machine.error("split: a separator string is needed");
  }
  TRY(machine.spend_on_search(text, *separator->text()));
  const std::string& mark = separator->text()->bytes;
  List parts;
  for (size_t begin = 0;;) {
    const size_t end = text.bytes.find(mark, begin);
    const size_t length = end == std::string::npos ? std::string::npos : end - begin;
    parts.push_back(TRY(machine.make_text(text.slice(begin, length))));
    if (end == std::string::npos) return machine.make_list(std::move(parts));
    begin = end + mark.size();
    TRY(machine.spend(1));
  }
}

Result<Value> replace_text(Machine& machine, const Text& text, const Values& arguments) {
  const Value* old_value = argument_at(arguments, 0, "old");
  const Value* new_value = argument_at(arguments, 1, "new");
  if (!old_value || !old_value->text() || old_value->text()->bytes.empty() || !new_value ||
      !new_value->text()) {
    return machine.error("replace: two strings are needed, the first not empty");
  }
  TRY(machine.spend_on_search(text, *old_value->text()));
  const std::string& mark = old_value->text()->bytes;
  Text replaced;
  for (size_t begin = 0;;) {
    TRY(machine.spend(1));
    const size_t end = text.bytes.find(mark, begin);
    replaced.append(text.slice(begin, end == std::string::npos ? end : end - begin));
    if (end == std::string::npos) return machine.make_text(std::move(replaced));
    replaced.append(*new_value->text());
    if (replaced.bytes.size() > kTextBytesMax)
      return machine.error("replace: the text is too long");
    begin = end + mark.size();
  }
}

std::optional<bool> compare_order(Operator operation, const Value& left, const Value& right) {
  int order = 0;
  if (left.is_number() && right.is_number()) {
    const double difference = left.as_double() - right.as_double();
    order = difference < 0 ? -1 : difference > 0 ? 1 : 0;
  } else if (left.text() && right.text()) {
    order = left.text()->bytes.compare(right.text()->bytes);
  } else {
    return std::nullopt;
  }
  switch (operation) {
    case Operator::less:
      return order < 0;
    case Operator::less_equal:
      return order <= 0;
    case Operator::greater:
      return order > 0;
    default:
      return order >= 0;
  }
}

std::optional<bool> contains(const Value& container, const Value& item) {
  if (const Text* text = container.text()) {
    if (!item.text()) return std::nullopt;
    return text->bytes.find(item.text()->bytes) != std::string::npos;
  }
  if (const List* list = container.list()) {
    return std::any_of(list->begin(), list->end(),
                       [&](const Value& member) { return is_equal(member, item); });
  }
  if (const Dict* dict = container.dict()) return item.text() && dict->find(item.text()->bytes);
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

Result<Value> apply_arithmetic(Machine& machine, Operator operation, const Value& left,
                               const Value& right) {
  const auto a = left.as_integer();
  const auto b = right.as_integer();
  if (a && b) {
    int64_t result = 0;
    bool is_overflow = false;
    if (operation == Operator::add) {
      is_overflow = __builtin_add_overflow(*a, *b, &result);
    } else if (operation == Operator::subtract) {
      is_overflow = __builtin_sub_overflow(*a, *b, &result);
    } else if (operation == Operator::multiply) {
      is_overflow = __builtin_mul_overflow(*a, *b, &result);
    } else if (*b == 0 || *b == -1) {
      if (*b == 0) return machine.error("division by zero");
      is_overflow = operation == Operator::floor_divide && __builtin_sub_overflow(0, *a, &result);
    } else {
      // Rounds towards minus infinity, as Python does.
      const int64_t shift = *a % *b != 0 && (*a % *b < 0) != (*b < 0) ? 1 : 0;
      result = operation == Operator::floor_divide ? *a / *b - shift : *a % *b + shift * *b;
    }
    if (is_overflow) return machine.error("a number grows past 64 bits");
    return Value::of(result);
  }
  const double x = left.as_double();
  const double y = right.as_double();
  if (operation == Operator::add) return Value::of(x + y);
  if (operation == Operator::subtract) return Value::of(x - y);
  if (operation == Operator::multiply) return Value::of(x * y);
  if (y == 0) return machine.error("division by zero");
  const double quotient = std::floor(x / y);
  return Value::of(operation == Operator::floor_divide ? quotient : x - quotient * y);
}

bool is_arithmetic(Operator operation) {
  return operation == Operator::add || operation == Operator::subtract ||
         operation == Operator::multiply || operation == Operator::remainder ||
         operation == Operator::floor_divide;
}

}  // namespace

Result<List> iterate(Machine& machine, const Value& value) {
  List items;
  if (const List* list = value.list()) {
    TRY(machine.spend(static_cast<int64_t>(list->size())));
    return *list;
  }
  if (const Dict* dict = value.dict()) {
    TRY(machine.spend(static_cast<int64_t>(dict->members.size())));
    for (const auto& member : dict->members) items.push_back(Value::of(member.first));
    return items;
  }
  if (const Text* text = value.text()) {
    TRY(machine.spend(static_cast<int64_t>(text->bytes.size())));
    for (size_t begin = 0; begin < text->bytes.size();) {
      size_t end = begin + 1;
      while (end < text->bytes.size() && (text->bytes[end] & 0xc0) == 0x80) ++end;
      items.push_back(Value::of(text->slice(begin, end - begin)));
      begin = end;
    }
    return items;
  }
  if (value.is_undefined()) return items;
  return machine.error("a value of type " + std::string(value.type_name()) +
                       " cannot be gone through");
}

Result<Text> print(Machine& machine, const Value& value) {
  if (value.is_undefined()) return Text();
  if (value.is_none()) return Text::own("None");
  if (const bool* boolean = value.boolean()) return Text::own(*boolean ? "True" : "False");
  if (const int64_t* integer = value.integer()) return Text::own(std::to_string(*integer));
  if (const double* real = value.real()) return Text::own(Json(*real).dump());
  if (const Text* text = value.text()) return *text;
  return machine.error("a value of type " + std::string(value.type_name()) +
                       " cannot be written as it is; use tojson");
}

Result<Value> apply_filter(Machine& machine, std::string_view name, const Value& input,
                           const Values& arguments) {
  if (name == "tojson") return to_json(machine, input, arguments);
  if (name == "trim") return strip(machine, name, input, arguments, true, true);
  if (name == "length" || name == "count") return length_of(machine, input);
  if (name == "join") return join_list(machine, input, arguments);
  if (name == "upper") return change_case(machine, name, input, true);
  if (name == "lower") return change_case(machine, name, input, false);
  if (name == "default" || name == "d") return default_of(input, arguments);
  if (name == "first") return edge_of(machine, input, true);
  if (name == "last") return edge_of(machine, input, false);
  if (name == "items") return items_of(machine, name, input, true, true);
  if (name == "list") return machine.make_list(TRY(iterate(machine, input)));
  if (name == "string") return machine.make_text(TRY(print(machine, input)));
  if (name == "replace" && input.text()) return replace_text(machine, *input.text(), arguments);
  return machine.error("the filter '" + std::string(name) + "' is not supported");
}

Result<bool> apply_test(Machine& machine, std::string_view name, const Value& input) {
  if (name == "defined") return !input.is_undefined();
  if (name == "undefined") return input.is_undefined();
  if (name == "none") return input.is_none();
  if (name == "string") return input.text() != nullptr;
  if (name == "mapping") return input.dict() != nullptr;
  if (name == "sequence" || name == "iterable") {
    return input.text() || input.list() || input.dict();
  }
  if (name == "boolean") return input.boolean() != nullptr;
  if (name == "integer") return input.integer() != nullptr;
  if (name == "number") return input.is_number();
  if (name == "true") return input.boolean() && *input.boolean();
  if (name == "false") return input.boolean() && !*input.boolean();
  return machine.error("the test '" + std::string(name) + "' is not supported");
}

Result<Value> call_method(Machine& machine, const Value& object, std::string_view name,
                          const Values& arguments) {
  if (object.dict()) {
    if (name == "items") return items_of(machine, name, object, true, true);
    if (name == "keys") return items_of(machine, name, object, true, false);
    if (name == "values") return items_of(machine, name, object, false, true);
    if (name == "get") {
      const Value* key = argument_at(arguments, 0, "key");
      if (!key || !key->text()) return machine.error("get: the key is a string");
      if (const Value* found = object.dict()->find(key->text()->bytes)) return *found;
      const Value* fallback = argument_at(arguments, 1, "default");
      return fallback ? *fallback : Value::none();
    }
  }
  if (const Text* text = object.text()) {
    if (name == "strip") return strip(machine, name, object, arguments, true, true);
    if (name == "lstrip") return strip(machine, name, object, arguments, true, false);
    if (name == "rstrip") return strip(machine, name, object, arguments, false, true);
    if (name == "upper") return change_case(machine, name, object, true);
    if (name == "lower") return change_case(machine, name, object, false);
    if (name == "split") return split_text(machine, *text, arguments);
    if (name == "replace") return replace_text(machine, *text, arguments);
    const Value* affix = argument_at(arguments, 0, "");
    if (affix && affix->text() && name == "startswith") {
      return Value::of(text->bytes.starts_with(affix->text()->bytes));
    }
    if (affix && affix->text() && name == "endswith") {
      return Value::of(text->bytes.ends_with(affix->text()->bytes));
    }
  }
  return machine.error("a value of type " + std::string(object.type_name()) + " has no method '" +
                       std::string(name) + "' that is supported");
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
      const auto ordered = compare_order(operation, left, right);
      if (!ordered) break;
      return Value::of(*ordered);
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
  return machine.error("an operator does not work between values of type " +
                       std::string(left.type_name()) + " and " + std::string(right.type_name()));
}

}  // namespace plinth::engine::templates
