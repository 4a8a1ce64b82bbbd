// SPDX-License-Identifier: Apache-2.0
// The tojson filter, as chat templates expect it: json.dumps with its separators and indent.
#include "base/json.h"
#include "engine/template/builtins.h"

namespace plinth::engine::templates {
namespace {

constexpr int kDepthMax = 128;  // as deep as Json itself
constexpr int64_t kIndentMax = 16;

struct Style {
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  int64_t indent = -1;  // below 0: all in one line
};

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
    if (const double* real = value.real()) return put(Json(*real).dump());
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

  Status put_dict(const Dict& dict, int depth) {
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

Result<Style> read_style(Machine& machine, const Values& arguments) {
  Style style;
  for (const NamedValue& argument : arguments) {
    if (argument.name == "indent" || argument.name.empty()) {
      if (argument.value.is_none()) continue;
      const auto indent = argument.value.as_integer();
      if (!indent || *indent < 0 || *indent > kIndentMax) {
        return machine.error("tojson: indent is a number from 0 to 16");
      }
      style.indent = *indent;
      style.item_separator = ",";
    } else if (argument.name == "separators") {
      const List* pair = argument.value.list();
      if (!pair || pair->size() != 2 || !(*pair)[0].text() || !(*pair)[1].text()) {
        return machine.error("tojson: separators are two strings");
      }
      style.item_separator = (*pair)[0].text()->bytes;
      style.key_separator = (*pair)[1].text()->bytes;
    } else if (argument.name != "ensure_ascii" || argument.value.is_true()) {
      return machine.error("tojson: the argument " + argument.name + " is not supported");
    }
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
