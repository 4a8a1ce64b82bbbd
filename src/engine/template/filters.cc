// SPDX-License-Identifier: Apache-2.0
// The table of filters, `value | NAME(arguments)`. To add one: a row here.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "engine/template/builtins.h"
#include "engine/template/text_functions.h"

namespace plinth::engine::templates {
namespace {

using Filter = Result<Value> (*)(Machine& machine, const Value& input, const Values& arguments);

struct FilterRow {
  std::string_view name;
  Filter filter;
};

Error wrong_input(Machine& machine, std::string_view name, const Value& value) {
  return machine.error(std::string(name) + " does not work on a value of type " +
                       std::string(value.type_name()));
}

bool is_set(const Values& arguments, size_t position, std::string_view name) {
  const Value* value = argument_at(arguments, position, name);
  return value && value->is_true();
}

Result<Value> trim(Machine& machine, const Value& input, const Values& arguments) {
  const Value* characters = argument_at(arguments, 0, "chars");
  std::optional<std::string_view> given;
  if (characters && characters->text()) given = characters->text()->bytes;
  return machine.make_text(strip_text(TRY(print(machine, input)), given, Side::both));
}

template <Case kCase>
Result<Value> in_case(Machine& machine, const Value& input, const Values&) {
  return machine.make_text(change_case(TRY(print(machine, input)), kCase));
}

Result<Value> length_of(Machine& machine, const Value& input, const Values&) {
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

// The value behind a path of members, such as "function.name".
Result<Value> attribute_of(Machine& machine, const Value& item, const Value& path) {
  if (const auto index = path.as_integer()) {
    const List* list = item.list();
    const bool is_inside = list && *index >= 0 && *index < static_cast<int64_t>(list->size());
    return is_inside ? (*list)[static_cast<size_t>(*index)] : Value();
  }
  if (!path.text()) return machine.error("an attribute is a name");
  Value value = item;
  for (const std::string_view name : split(path.text()->bytes, '.')) {
    value = TRY(member_of(machine, value, name));
  }
  return value;
}

Result<Value> join_list(Machine& machine, const Value& input, const Values& arguments) {
  const Value* separator = argument_at(arguments, 0, "d");
  const Value* attribute = argument_at(arguments, 1, "attribute");
  const Text between = separator ? TRY(print(machine, *separator)) : Text();
  const List items = TRY(iterate(machine, input));
  Text joined;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) joined.append(between);
    const Value item = attribute ? TRY(attribute_of(machine, items[i], *attribute)) : items[i];
    joined.append(TRY(print(machine, item)));
    if (joined.bytes.size() > kTextBytesMax) return machine.error("join: the text is too long");
  }
  return machine.make_text(std::move(joined));
}

Result<Value> default_of(Machine&, const Value& input, const Values& arguments) {
  const Value* fallback = argument_at(arguments, 0, "default_value");
  const bool is_falsy_replaced = is_set(arguments, 1, "boolean");
  if (!input.is_undefined() && (!is_falsy_replaced || input.is_true())) return input;
  return fallback ? *fallback : Value::of(Text());
}

Result<Value> items_of(Machine& machine, const Value& input, const Values&) {
  if (input.is_undefined()) return Value::of(List());
  if (!input.dict()) return wrong_input(machine, "items", input);
  return call_method(machine, input, "items", {});
}

template <bool kIsFirst>
Result<Value> edge_of(Machine& machine, const Value& input, const Values&) {
  const List items = TRY(iterate(machine, input));
  if (items.empty()) return Value();
  return kIsFirst ? items.front() : items.back();
}

Result<Value> replace(Machine& machine, const Value& input, const Values& arguments) {
  const Value* old_value = argument_at(arguments, 0, "old");
  const Value* new_value = argument_at(arguments, 1, "new");
  const Value* count = argument_at(arguments, 2, "count");
  if (!old_value || !new_value) return machine.error("replace: two texts are needed");
  const Text old_text = TRY(print(machine, *old_value));
  return machine.make_text(TRY(replace_text(machine, TRY(print(machine, input)), old_text.bytes,
                                            TRY(print(machine, *new_value)),
                                            count ? count->as_integer().value_or(-1) : -1)));
}

Result<Value> indent(Machine& machine, const Value& input, const Values& arguments) {
  constexpr int64_t kWidthMax = 1024;
  const Value* width = argument_at(arguments, 0, "width");
  Text margin = Text::own("    ");
  if (width && width->text()) {
    margin = *width->text();
  } else if (width) {
    const int64_t count = width->as_integer().value_or(-1);
    if (count < 0 || count > kWidthMax) return machine.error("indent: a width is 0 to 1024");
    margin = Text::own(std::string(static_cast<size_t>(count), ' '));
  }
  return machine.make_text(
      TRY(indent_text(machine, TRY(print(machine, input)), margin, is_set(arguments, 1, "first"),
                      is_set(arguments, 2, "blank"))));
}

// Lower case, so that order does not depend on it, unless that is asked for.
Result<Value> sort_key(Machine& machine, const Value& value, bool is_case_sensitive) {
  if (!value.text() || is_case_sensitive) return value;
  return machine.make_text(change_case(*value.text(), Case::lower));
}

struct Keyed {
  Value key;
  Value item;
};

Result<Value> sorted(Machine& machine, std::vector<Keyed> items, bool is_reverse) {
  for (size_t i = 1; i < items.size(); ++i) {
    if (compare(items[0].key, items[i].key)) continue;
    return machine.error("sort: values of type " + std::string(items[0].key.type_name()) + " and " +
                         std::string(items[i].key.type_name()) + " have no order");
  }
  TRY(machine.spend(static_cast<int64_t>(items.size()) * 16));
  std::stable_sort(items.begin(), items.end(), [&](const Keyed& a, const Keyed& b) {
    const int order = compare(a.key, b.key).value_or(0);
    return is_reverse ? order > 0 : order < 0;
  });
  List list;
  for (Keyed& keyed : items) list.push_back(std::move(keyed.item));
  return machine.make_list(std::move(list));
}

Result<Value> sort_list(Machine& machine, const Value& input, const Values& arguments) {
  const Value* attribute = argument_at(arguments, 2, "attribute");
  std::vector<Keyed> items;
  for (const Value& item : TRY(iterate(machine, input))) {
    const Value key = attribute ? TRY(attribute_of(machine, item, *attribute)) : item;
    items.push_back({TRY(sort_key(machine, key, is_set(arguments, 1, "case_sensitive"))), item});
  }
  return sorted(machine, std::move(items), is_set(arguments, 0, "reverse"));
}

Result<Value> sort_dict(Machine& machine, const Value& input, const Values& arguments) {
  if (!input.dict()) return wrong_input(machine, "dictsort", input);
  const Value* by = argument_at(arguments, 1, "by");
  const bool is_by_value = by && by->text() && by->text()->bytes == "value";
  std::vector<Keyed> items;
  const Dict& dict = *input.dict();
  for (size_t i = 0; i < dict.members.size(); ++i) {
    const Value& value = dict.members[i].second;
    const Value name = dict.key_at(i);
    const Value key = is_by_value ? value : name;
    items.push_back({TRY(sort_key(machine, key, is_set(arguments, 0, "case_sensitive"))),
                     Value::of(List{name, value})});
  }
  return sorted(machine, std::move(items), is_set(arguments, 2, "reverse"));
}

Result<Value> unique(Machine& machine, const Value& input, const Values& arguments) {
  const Value* attribute = argument_at(arguments, 1, "attribute");
  std::vector<Value> seen;
  List kept;
  for (const Value& item : TRY(iterate(machine, input))) {
    const Value value = attribute ? TRY(attribute_of(machine, item, *attribute)) : item;
    const Value key = TRY(sort_key(machine, value, is_set(arguments, 0, "case_sensitive")));
    TRY(machine.spend(static_cast<int64_t>(seen.size())));
    const bool is_known = std::any_of(seen.begin(), seen.end(),
                                      [&](const Value& other) { return is_equal(other, key); });
    if (is_known) continue;
    seen.push_back(key);
    kept.push_back(item);
  }
  return machine.make_list(std::move(kept));
}

template <bool kIsLeast>
Result<Value> extreme(Machine& machine, const Value& input, const Values& arguments) {
  const Value* attribute = argument_at(arguments, 1, "attribute");
  const bool is_case_sensitive = is_set(arguments, 0, "case_sensitive");
  std::optional<Keyed> best;
  for (const Value& item : TRY(iterate(machine, input))) {
    const Value value = attribute ? TRY(attribute_of(machine, item, *attribute)) : item;
    Keyed keyed{TRY(sort_key(machine, value, is_case_sensitive)), item};
    const std::optional<int> order = best ? compare(keyed.key, best->key) : -1;
    if (!order) return machine.error("min, max: values without an order");
    if (!best || (kIsLeast ? *order < 0 : *order > 0)) best = std::move(keyed);
  }
  return best ? best->item : Value();
}

Result<Value> sum(Machine& machine, const Value& input, const Values& arguments) {
  const Value* attribute = argument_at(arguments, 0, "attribute");
  const Value* start = argument_at(arguments, 1, "start");
  Value total = start ? *start : Value::of(int64_t{0});
  for (const Value& item : TRY(iterate(machine, input))) {
    const Value value = attribute ? TRY(attribute_of(machine, item, *attribute)) : item;
    total = TRY(apply_binary(machine, Operator::add, total, value));
  }
  return total;
}

Result<Value> reverse(Machine& machine, const Value& input, const Values&) {
  List items = TRY(iterate(machine, input));
  std::reverse(items.begin(), items.end());
  if (!input.text()) return machine.make_list(std::move(items));
  Text joined;
  for (const Value& item : items) joined.append(*item.text());
  return machine.make_text(std::move(joined));
}

// Arguments from the position on, without those of the name.
Values rest_of(const Values& arguments, size_t position) {
  return {arguments.begin() + static_cast<ptrdiff_t>(std::min(position, arguments.size())),
          arguments.end()};
}

template <bool kHasAttribute, bool kIsKept>
Result<Value> select(Machine& machine, const Value& input, const Values& arguments) {
  const size_t first = kHasAttribute ? 1 : 0;
  if (arguments.size() < first) return machine.error("selectattr: needs a name");
  const Value* test = arguments.size() > first ? &arguments[first].value : nullptr;
  if (test && !test->text()) return machine.error("select: a test is a name");
  List kept;
  for (const Value& item : TRY(iterate(machine, input))) {
    TRY(machine.spend(1));
    const Value value = kHasAttribute ? TRY(attribute_of(machine, item, arguments[0].value)) : item;
    const bool is_true =
        test ? TRY(apply_test(machine, test->text()->bytes, value, rest_of(arguments, first + 1)))
             : value.is_true();
    if (is_true == kIsKept) kept.push_back(item);
  }
  return machine.make_list(std::move(kept));
}

Result<Value> map(Machine& machine, const Value& input, const Values& arguments) {
  const Value* attribute = argument_at(arguments, SIZE_MAX, "attribute");
  const Value* otherwise = argument_at(arguments, SIZE_MAX, "default");
  if (!attribute && (arguments.empty() || !arguments[0].value.text())) {
    return machine.error("map: needs a filter or an attribute");
  }
  List mapped;
  if (!input.is_true()) return Value::of(std::move(mapped));
  for (const Value& item : TRY(iterate(machine, input))) {
    TRY(machine.spend(1));
    Value value;
    if (attribute) {
      value = TRY(attribute_of(machine, item, *attribute));
      if (value.is_undefined() && otherwise) value = *otherwise;
    } else {
      value =
          TRY(apply_filter(machine, arguments[0].value.text()->bytes, item, rest_of(arguments, 1)));
    }
    mapped.push_back(std::move(value));
  }
  return machine.make_list(std::move(mapped));
}

// A number, or a text that is one.
std::optional<double> number_of(const Value& input) {
  if (input.is_number()) return input.as_double();
  if (!input.text()) return std::nullopt;
  const Text stripped = strip_text(*input.text(), std::nullopt, Side::both);
  std::string_view text = stripped.bytes;
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<Value> to_integer(Machine&, const Value& input, const Values& arguments) {
  const Value* otherwise = argument_at(arguments, 0, "default");
  if (const auto integer = input.as_integer()) return Value::of(*integer);
  const std::optional<double> number = number_of(input);
  if (!number || !(std::fabs(*number) < 9e18)) {
    return otherwise ? *otherwise : Value::of(int64_t{0});
  }
  return Value::of(static_cast<int64_t>(*number));
}

Result<Value> to_real(Machine&, const Value& input, const Values& arguments) {
  const Value* otherwise = argument_at(arguments, 0, "default");
  const std::optional<double> number = number_of(input);
  if (!number) return otherwise ? *otherwise : Value::of(0.0);
  return Value::of(*number);
}

Result<Value> absolute(Machine& machine, const Value& input, const Values&) {
  if (!input.is_number()) return wrong_input(machine, "abs", input);
  if (input.as_double() >= 0) return input;
  return apply_binary(machine, Operator::subtract, Value::of(int64_t{0}), input);
}

// Half to even, as Python's round().
Result<Value> round_number(Machine& machine, const Value& input, const Values& arguments) {
  const Value* precision = argument_at(arguments, 0, "precision");
  const Value* method = argument_at(arguments, 1, "method");
  if (!input.is_number()) return wrong_input(machine, "round", input);
  const int64_t digits = precision ? precision->as_integer().value_or(0) : 0;
  if (digits < 0 || digits > 15) return machine.error("round: a precision is 0 to 15");
  const double factor = std::pow(10.0, static_cast<double>(digits));
  std::string_view name = "common";
  if (method && method->text()) name = method->text()->bytes;
  const double scaled = input.as_double() * factor;
  if (name == "ceil") return Value::of(std::ceil(scaled) / factor);
  if (name == "floor") return Value::of(std::floor(scaled) / factor);
  return Value::of(std::nearbyint(scaled) / factor);
}

Result<Value> word_count(Machine& machine, const Value& input, const Values&) {
  const List words =
      TRY(split_text(machine, TRY(print(machine, input)), std::nullopt, -1, Side::left));
  return Value::of(static_cast<int64_t>(words.size()));
}

Result<Value> as_list(Machine& machine, const Value& input, const Values&) {
  return machine.make_list(TRY(iterate(machine, input)));
}
Result<Value> as_text(Machine& machine, const Value& input, const Values&) {
  return machine.make_text(TRY(print(machine, input)));
}
constexpr FilterRow kFilters[] = {
    {"tojson", to_json},
    {"trim", trim},
    {"length", length_of},
    {"count", length_of},
    {"join", join_list},
    {"upper", in_case<Case::upper>},
    {"lower", in_case<Case::lower>},
    {"capitalize", in_case<Case::capitalized>},
    {"title", in_case<Case::title>},
    {"default", default_of},
    {"d", default_of},
    {"first", edge_of<true>},
    {"last", edge_of<false>},
    {"items", items_of},
    {"list", as_list},
    {"string", as_text},
    {"safe", as_text},  // there is no escaping that it could switch off
    {"replace", replace},
    {"indent", indent},
    {"sort", sort_list},
    {"dictsort", sort_dict},
    {"unique", unique},
    {"min", extreme<true>},
    {"max", extreme<false>},
    {"sum", sum},
    {"reverse", reverse},
    {"select", select<false, true>},
    {"reject", select<false, false>},
    {"selectattr", select<true, true>},
    {"rejectattr", select<true, false>},
    {"map", map},
    {"int", to_integer},
    {"float", to_real},
    {"abs", absolute},
    {"round", round_number},
    {"wordcount", word_count},
};

}  // namespace

Result<Value> apply_filter(Machine& machine, std::string_view name, const Value& input,
                           const Values& arguments) {
  for (const FilterRow& row : kFilters) {
    if (row.name == name) return row.filter(machine, input, arguments);
  }
  return machine.error("the filter '" + shorten(name, 64) + "' is not supported");
}

}  // namespace plinth::engine::templates
