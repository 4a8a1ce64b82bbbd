// SPDX-License-Identifier: Apache-2.0
// The tables of methods of texts, mappings and lists. To add one: a row here. Methods that would
// change a value are refused, as the sandbox that templates are written for does.
#include <algorithm>

#include "base/text.h"
#include "engine/template/builtins.h"
#include "engine/template/text_functions.h"

namespace plinth::engine::templates {
namespace {

using TextMethod = Result<Value> (*)(Machine& machine, const Text& text, const Values& arguments);
using DictMethod = Result<Value> (*)(Machine& machine, const Dict& dict, const Values& arguments);

struct TextRow {
  std::string_view name;
  TextMethod method;
};
struct DictRow {
  std::string_view name;
  DictMethod method;
};

std::optional<std::string_view> optional_text(const Values& arguments, size_t position,
                                              std::string_view name) {
  const Value* value = argument_at(arguments, position, name);
  if (!value || !value->text()) return std::nullopt;
  return std::string_view(value->text()->bytes);
}

template <Side kSide>
Result<Value> strip(Machine& machine, const Text& text, const Values& arguments) {
  return machine.make_text(strip_text(text, optional_text(arguments, 0, "chars"), kSide));
}

template <Case kCase>
Result<Value> in_case(Machine& machine, const Text& text, const Values&) {
  return machine.make_text(change_case(text, kCase));
}

template <Side kFrom>
Result<Value> split_at(Machine& machine, const Text& text, const Values& arguments) {
  const Value* mark = argument_at(arguments, 0, "sep");
  const Value* cuts = argument_at(arguments, 1, "maxsplit");
  if (mark && !mark->text() && !mark->is_none()) {
    return machine.error("split: a separator is a text");
  }
  const int64_t cuts_max = cuts ? cuts->as_integer().value_or(-1) : -1;
  return machine.make_list(
      TRY(split_text(machine, text, optional_text(arguments, 0, "sep"), cuts_max, kFrom)));
}

Result<Value> lines_of(Machine& machine, const Text& text, const Values& arguments) {
  const Value* is_end_kept = argument_at(arguments, 0, "keepends");
  return machine.make_list(TRY(split_lines(machine, text, is_end_kept && is_end_kept->is_true())));
}

Result<Value> replace(Machine& machine, const Text& text, const Values& arguments) {
  const Value* old_value = argument_at(arguments, 0, "old");
  const Value* new_value = argument_at(arguments, 1, "new");
  const Value* count = argument_at(arguments, 2, "count");
  if (!old_value || !old_value->text() || !new_value || !new_value->text()) {
    return machine.error("replace: two texts are needed");
  }
  return machine.make_text(
      TRY(replace_text(machine, text, old_value->text()->bytes, *new_value->text(),
                       count ? count->as_integer().value_or(-1) : -1)));
}

// Whether a text begins or ends with one of the texts given, alone or in a list.
template <bool kIsBegin>
Result<Value> has_affix(Machine& machine, const Text& text, const Values& arguments) {
  const Value* affix = argument_at(arguments, 0, "");
  const auto fits = [&](const Value& value) {
    const std::string& part = value.text()->bytes;
    return kIsBegin ? text.bytes.starts_with(part) : text.bytes.ends_with(part);
  };
  if (affix && affix->text()) return Value::of(fits(*affix));
  if (!affix || !affix->list()) return machine.error("startswith, endswith: need a text");
  for (const Value& item : *affix->list()) {
    if (!item.text()) return machine.error("startswith, endswith: need texts");
    if (fits(item)) return Value::of(true);
  }
  return Value::of(false);
}

template <bool kIsBegin>
Result<Value> without_affix(Machine& machine, const Text& text, const Values& arguments) {
  const auto affix = optional_text(arguments, 0, "");
  if (!affix) return machine.error("removeprefix, removesuffix: need a text");
  const bool has = kIsBegin ? text.bytes.starts_with(*affix) : text.bytes.ends_with(*affix);
  if (!has) return Value::of(text);
  const size_t length = text.bytes.size() - affix->size();
  return machine.make_text(text.slice(kIsBegin ? affix->size() : 0, length));
}

template <Side kFrom>
Result<Value> find(Machine& machine, const Text& text, const Values& arguments) {
  const auto part = optional_text(arguments, 0, "");
  if (!part || arguments.size() > 1) return machine.error("find: needs one text");
  TRY(machine.spend_on_search(text, Text::own(*part)));
  return Value::of(find_text(text.bytes, *part, kFrom));
}

Result<Value> count(Machine& machine, const Text& text, const Values& arguments) {
  const auto part = optional_text(arguments, 0, "");
  if (!part || part->empty()) return machine.error("count: needs a text that is not empty");
  const List parts = TRY(split_text(machine, text, part, -1, Side::left));
  return Value::of(static_cast<int64_t>(parts.size()) - 1);
}

Result<Value> join(Machine& machine, const Text& text, const Values& arguments) {
  const Value* items = argument_at(arguments, 0, "");
  if (!items) return machine.error("join: needs a list");
  Text joined;
  bool is_first = true;
  for (const Value& item : TRY(iterate(machine, *items))) {
    if (!item.text()) return machine.error("join: the items are texts");
    if (!is_first) joined.append(text);
    is_first = false;
    joined.append(*item.text());
    if (joined.bytes.size() > kTextBytesMax) return machine.error("join: the text is too long");
  }
  return machine.make_text(std::move(joined));
}

// {}, {0} and {name}, without conversions and widths.
Result<Value> format(Machine& machine, const Text& text, const Values& arguments) {
  Text made;
  size_t next = 0;
  for (size_t at = 0; at < text.bytes.size();) {
    const char c = text.bytes[at];
    const bool is_doubled = at + 1 < text.bytes.size() && text.bytes[at + 1] == c;
    if (c != '{' && c != '}') {
      made.append(text.slice(at++, 1));
    } else if (is_doubled) {
      made.append(text.slice(at, 1));
      at += 2;
    } else {
      const size_t end = text.bytes.find('}', at);
      if (c == '}' || end == std::string::npos) return machine.error("format: a brace is alone");
      const std::string field = text.bytes.substr(at + 1, end - at - 1);
      if (field.find_first_of(":!.[") != std::string::npos) {
        return machine.error("format: the field {" + shorten(field, 32) + "} is not supported");
      }
      const bool is_number =
          field.size() < 4 && field.find_first_not_of("0123456789") == std::string::npos;
      const size_t position = field.empty() ? next++ : is_number ? std::stoul(field) : SIZE_MAX;
      const Value* value = argument_at(arguments, position, field);
      if (!value) return machine.error("format: no value for {" + shorten(field, 32) + "}");
      made.append(TRY(print(machine, *value)));
      at = end + 1;
    }
    if (made.bytes.size() > kTextBytesMax) return machine.error("format: the text is too long");
  }
  return machine.make_text(std::move(made));
}

template <bool (*kFits)(char)>
Result<Value> all_are(Machine&, const Text& text, const Values&) {
  return Value::of(!text.bytes.empty() && std::all_of(text.bytes.begin(), text.bytes.end(), kFits));
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_letter_or_digit(char c) { return is_digit(c) || is_letter(c); }

constexpr TextRow kTextMethods[] = {
    {"strip", strip<Side::both>},
    {"lstrip", strip<Side::left>},
    {"rstrip", strip<Side::right>},
    {"upper", in_case<Case::upper>},
    {"lower", in_case<Case::lower>},
    {"capitalize", in_case<Case::capitalized>},
    {"title", in_case<Case::title>},
    {"split", split_at<Side::left>},
    {"rsplit", split_at<Side::right>},
    {"splitlines", lines_of},
    {"replace", replace},
    {"startswith", has_affix<true>},
    {"endswith", has_affix<false>},
    {"removeprefix", without_affix<true>},
    {"removesuffix", without_affix<false>},
    {"find", find<Side::left>},
    {"rfind", find<Side::right>},
    {"count", count},
    {"join", join},
    {"format", format},
    {"isdigit", all_are<is_digit>},  // of ASCII, as the two below
    {"isalpha", all_are<is_letter>},
    {"isalnum", all_are<is_letter_or_digit>},
};

template <bool kHasKeys, bool kHasValues>
Result<Value> members_of(Machine& machine, const Dict& dict, const Values&) {
  List items;
  for (size_t i = 0; i < dict.members.size(); ++i) {
    const Value& value = dict.members[i].second;
    if (kHasKeys && kHasValues) {
      items.push_back(Value::of(List{dict.key_at(i), value}));
    } else {
      items.push_back(kHasKeys ? dict.key_at(i) : value);
    }
  }
  return machine.make_list(std::move(items));
}

Result<Value> get(Machine& machine, const Dict& dict, const Values& arguments) {
  const Value* key = argument_at(arguments, 0, "key");
  if (!key) return machine.error("get: needs a key");
  if (const Value* found = dict.find_key(*key)) return *found;
  const Value* fallback = argument_at(arguments, 1, "default");
  return fallback ? *fallback : Value::none();
}

Result<Value> copy(Machine&, const Dict& dict, const Values&) { return Value::of(Dict(dict)); }

Result<Value> refuse_change(Machine& machine, const Dict&, const Values&) {
  return machine.error("a template may not change a mapping");
}

constexpr DictRow kDictMethods[] = {
    {"items", members_of<true, true>},
    {"keys", members_of<true, false>},
    {"values", members_of<false, true>},
    {"get", get},
    {"copy", copy},
    {"pop", refuse_change},
    {"popitem", refuse_change},
    {"update", refuse_change},
    {"setdefault", refuse_change},
    {"clear", refuse_change},
};

constexpr std::string_view kListMethods[] = {
    "append", "clear", "copy",   "count",   "extend", "index",
    "insert", "pop",   "remove", "reverse", "sort",
};

Result<Value> call_list_method(Machine& machine, const List& list, std::string_view name,
                               const Values& arguments) {
  const Value* item = argument_at(arguments, 0, "");
  if (name == "copy") return machine.make_list(List(list));
  if (name != "count" && name != "index") {
    return machine.error("a template may not change a list");
  }
  if (!item) return machine.error("count, index: need a value");
  TRY(machine.spend(static_cast<int64_t>(list.size())));
  const auto is_same = [&](const Value& other) { return is_equal(other, *item); };
  if (name == "count") return Value::of(int64_t{std::count_if(list.begin(), list.end(), is_same)});
  const auto at = std::find_if(list.begin(), list.end(), is_same);
  if (at == list.end()) return machine.error("index: the value is not in the list");
  return Value::of(int64_t{at - list.begin()});
}

template <typename Rows>
auto find_row(const Rows& rows, std::string_view name) {
  return std::find_if(std::begin(rows), std::end(rows),
                      [&](const auto& row) { return row.name == name; });
}

bool is_list_method(std::string_view name) {
  return std::find(std::begin(kListMethods), std::end(kListMethods), name) !=
         std::end(kListMethods);
}

}  // namespace

bool has_method(const Value& object, std::string_view name) {
  if (object.text()) return find_row(kTextMethods, name) != std::end(kTextMethods);
  if (object.dict()) return find_row(kDictMethods, name) != std::end(kDictMethods);
  return object.list() && is_list_method(name);
}

Result<Value> call_method(Machine& machine, const Value& object, std::string_view name,
                          const Values& arguments) {
  if (has_method(object, name)) {
    if (const Text* text = object.text()) {
      return find_row(kTextMethods, name)->method(machine, *text, arguments);
    }
    if (const Dict* dict = object.dict()) {
      return find_row(kDictMethods, name)->method(machine, *dict, arguments);
    }
    return call_list_method(machine, *object.list(), name, arguments);
  }
  return machine.error("a value of type " + std::string(object.type_name()) + " has no method '" +
                       shorten(name, 64) + "' that is supported");
}

}  // namespace plinth::engine::templates
