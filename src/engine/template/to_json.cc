// SPDX-License-Identifier: Apache-2.0
// The tojson filter, as chat templates expect it: json.dumps with its separators and indent.
#include <utf8proc.h>

#include <algorithm>

#include "base/json.h"
#include "engine/template/builtins.h"
#include "engine/template/text_functions.h"

namespace plinth::engine::templates {
namespace {

constexpr int kDepthMax = 128;  // as deep as Json itself
constexpr int64_t kIndentMax = 16;

struct Style {
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  int64_t indent = -1;  // below 0: all in one line
  bool is_ascii = false;
  bool is_sorted = false;
};

void append_escape(std::string& out, unsigned unit) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[unit >> shift & 15];
}

// Escapes for all that is not ASCII, in pairs past U+FFFF; `escaped` is valid UTF-8.
std::string in_ascii(std::string_view escaped) {
  std::string ascii;
  for (size_t at = 0; at < escaped.size();) {
    int32_t code = 0;
    const auto length = utf8proc_iterate(reinterpret_cast<const uint8_t*>(escaped.data()) + at,
                                         static_cast<utf8proc_ssize_t>(escaped.size() - at), &code);
    if (length < 1 || code < 0x80) {
      ascii += escaped[at++];
      continue;
    }
    const auto value = static_cast<unsigned>(code);
    if (value < 0x10000) {
      append_escape(ascii, value);
    } else {
      append_escape(ascii, 0xd800 + (value - 0x10000) / 0x400);
      append_escape(ascii, 0xdc00 + (value - 0x10000) % 0x400);
    }
    at += static_cast<size_t>(length);
  }
  return ascii;
}

class Writer {
 public:
  Writer(Machine& machine, const Style& style) : machine_(machine), style_(style) {}

  Status write(const Value& value, int depth) {
    if (depth > kDepthMax) return machine_.error("tojson: the value is nested too deeply");
    TRY(machine_.spend(1));
    if (out_.bytes.size() > kTextBytesMax) return machine_.error("tojson: the text is too long");
    if (value.is_none()) return put("null");
    if (const bool* boolean = value.boolean()) return put(*boolean ? "true" : "false");
    if (const int64_t* integer = value.integer()) return put(std::to_string(*integer));
    if (const double* real = value.real()) return put(real_text(*real));
    if (const Text* text = value.text()) return put_string(*text);
    if (const List* list = value.list()) return put_list(*list, depth);
    if (const Dict* dict = value.dict()) return put_dict(*dict, depth);
    return machine_.error("tojson: a value of type " + std::string(value.type_name()) +
                          " has no JSON form");
  }

  Text take() { return std::move(out_); }

 private:
  Status put(std::string_view text) {
    out_.append(Text::own(text));
    return ok();
  }

  // One foreign byte marks the whole string: escaping does not keep bytes apart.
  Status put_string(const Text& text) {
    std::string escaped;
    json_escape_to(escaped, text.bytes);
    if (style_.is_ascii) escaped = in_ascii(escaped);
    out_.append(text.is_foreign() ? Text::outside(escaped) : Text::own(escaped));
    return ok();
  }

  void new_line(int depth) {
    if (style_.indent < 0) return;
    out_.append(Text::own("\n" + std::string(static_cast<size_t>(style_.indent * depth), ' ')));
  }

  Status put_list(const List& list, int depth) {
    TRY(put("["));
    for (size_t i = 0; i < list.size(); ++i) {
      if (i > 0) TRY(put(style_.item_separator));
      new_line(depth + 1);
      TRY(write(list[i], depth + 1));
    }
    if (!list.empty()) new_line(depth);
    return put("]");
  }

  Status put_dict(const Dict& given, int depth) {
    Dict sorted;
    if (style_.is_sorted) {
      sorted = given;
      std::stable_sort(sorted.members.begin(), sorted.members.end(),
                       [](const auto& a, const auto& b) { return a.first.bytes < b.first.bytes; });
    }
    const Dict& dict = style_.is_sorted ? sorted : given;
    TRY(put("{"));
    for (size_t i = 0; i < dict.members.size(); ++i) {
      if (i > 0) TRY(put(style_.item_separator));
      new_line(depth + 1);
      TRY(put_string(dict.members[i].first));
      TRY(put(style_.key_separator));
      TRY(write(dict.members[i].second, depth + 1));
    }
    if (!dict.members.empty()) new_line(depth);
    return put("}");
  }

  Machine& machine_;
  const Style& style_;
  Text out_;
};

// tojson(ensure_ascii=false, indent=none, separators=none, sort_keys=false)
Result<Style> read_style(Machine& machine, const Values& arguments) {
  Style style;
  const Value* is_ascii = argument_at(arguments, 0, "ensure_ascii");
  const Value* indent = argument_at(arguments, 1, "indent");
  const Value* separators = argument_at(arguments, 2, "separators");
  const Value* is_sorted = argument_at(arguments, 3, "sort_keys");
  style.is_ascii = is_ascii && is_ascii->is_true();
  style.is_sorted = is_sorted && is_sorted->is_true();
  if (indent && !indent->is_none()) {
    const auto width = indent->as_integer();
    if (!width || *width < 0 || *width > kIndentMax) {
      return machine.error("tojson: indent is a number from 0 to 16");
    }
    style.indent = *width;
    style.item_separator = ",";
  }
  if (separators && !separators->is_none()) {
    const List* pair = separators->list();
    if (!pair || pair->size() != 2 || !(*pair)[0].text() || !(*pair)[1].text()) {
      return machine.error("tojson: separators are two strings");
    }
    style.item_separator = (*pair)[0].text()->bytes;
    style.key_separator = (*pair)[1].text()->bytes;
  }
  return style;
}

}  // namespace

Result<Value> to_json(Machine& machine, const Value& value, const Values& arguments) {
  const Style style = TRY(read_style(machine, arguments));
  Writer writer(machine, style);
  TRY(writer.write(value, 0));
  return machine.make_text(writer.take());
}

}  // namespace plinth::engine::templates
