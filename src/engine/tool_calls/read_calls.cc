// SPDX-License-Identifier: Apache-2.0
#include "engine/tool_calls/read_calls.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "engine/tool_calls/call_formats.h"

namespace plinth::engine {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

// End of the JSON value that begins at `at`; in text that is not JSON, of something.
size_t value_end(std::string_view json, size_t at) {
  int depth = 0;
  bool is_in_string = false;
  for (; at < json.size(); ++at) {
    const char c = json[at];
    if (is_in_string) {
      if (c == '\\') {
        ++at;
      } else if (c == '"') {
        is_in_string = false;
        if (depth == 0) return at + 1;
      }
      continue;
    }
    if (c == '"') {
      is_in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return at;
      if (--depth == 0) return at + 1;
    } else if (c == ',' && depth == 0) {
      return at;
    }
  }
  return std::min(at, json.size());
}

size_t skip_space(std::string_view text, size_t at) {
  return std::min(text.find_first_not_of(kSpace, at), text.size());
}

// The source text of a member of the outermost object, in text that is known to be a valid object.
std::string_view member_text(std::string_view json, std::string_view wanted) {
  size_t at = skip_space(json, 0) + 1;
  for (;;) {
    at = skip_space(json, at);
    if (at >= json.size() || json[at] != '"') return {};
    const size_t key_end = value_end(json, at);
    const std::string_view key = json.substr(at + 1, key_end - at - 2);
    at = skip_space(json, skip_space(json, key_end) + 1);  // past the colon
    const size_t end = value_end(json, at);
    if (key == wanted) return trim(json.substr(at, end - at));
    at = skip_space(json, end) + 1;  // past the comma
  }
}

std::vector<std::string_view> item_texts(std::string_view json) {
  std::vector<std::string_view> items;
  for (size_t at = skip_space(json, 1); at < json.size() && json[at] != ']';) {
    const size_t end = value_end(json, at);
    items.push_back(trim(json.substr(at, end - at)));
    at = skip_space(json, skip_space(json, end) + 1);  // past the comma
  }
  return items;
}

bool is_name(std::string_view name) { return !name.empty() && name.size() <= kToolNameBytesMax; }

std::optional<ReplyPart> make_call(std::string_view name, std::string arguments) {
  if (!is_name(name) || !is_json_object(arguments)) return std::nullopt;
  return ReplyPart{ReplyPart::Kind::tool_call, "", std::string(name), std::move(arguments)};
}

std::optional<ReplyPart> read_object(std::string_view json, const Json& parsed) {
  const Json& name = parsed["name"];
  if (!name.is_string()) return std::nullopt;
  const std::string_view key = parsed.contains("arguments") ? "arguments" : "parameters";
  const Json& arguments = parsed[key];
  if (!parsed.contains(key)) return make_call(name.as_string(), "{}");
  // Some models write the arguments as a string that holds JSON.
  if (arguments.is_string()) return make_call(name.as_string(), arguments.as_string());
  if (!arguments.is_object()) return std::nullopt;
  std::string text(member_text(json, key));
  // A key spelled with escapes is found by the parser but not in the source text.
  if (text.empty()) text = arguments.dump();
  return make_call(name.as_string(), std::move(text));
}

ReadBlock one(std::optional<ReplyPart> call) {
  if (!call) return std::nullopt;
  return std::vector<ReplyPart>{std::move(*call)};
}

// Takes `tag` off the front, where it stands.
bool take(std::string_view& text, std::string_view tag) {
  if (!text.starts_with(tag)) return false;
  text.remove_prefix(tag.size());
  return true;
}

// What stands before `tag`, which is taken off too; nullopt: there is no such tag.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view tag) {
  const size_t at = text.find(tag);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view before = text.substr(0, at);
  text.remove_prefix(at + tag.size());
  return before;
}

void drop_space(std::string_view& text) { text.remove_prefix(skip_space(text, 0)); }

bool is_text(std::string_view name, const std::string& parameter,
             const std::vector<ToolFunction>& functions) {
  for (const ToolFunction& function : functions) {
    if (function.name != name) continue;
    return function.parameters["properties"][parameter]["type"].as_string() == "string";
  }
  return false;
}

Json parameter_value(std::string_view text, bool is_text) {
  // One line break on each side belongs to the format.
  take(text, "\n");
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (is_text) return text;
  auto parsed = Json::parse(text);
  return parsed.is_ok() ? std::move(*parsed) : Json(text);
}

std::optional<ReplyPart> take_function(std::string_view& rest,
                                       const std::vector<ToolFunction>& functions) {
  if (!take(rest, "<function=")) return std::nullopt;
  const auto name = take_until(rest, ">");
  if (!name) return std::nullopt;
  Json arguments = Json::object();
  for (drop_space(rest); take(rest, "<parameter="); drop_space(rest)) {
    const auto key = take_until(rest, ">");
    if (!key) return std::nullopt;
    const auto value = take_until(rest, "</parameter>");
    if (!value || key->empty()) return std::nullopt;
    const std::string parameter(*key);
    arguments.set(parameter, parameter_value(*value, is_text(*name, parameter, functions)));
  }
  if (!take(rest, "</function>")) return std::nullopt;
  drop_space(rest);
  return make_call(*name, arguments.dump());
}

std::optional<ReplyPart> take_deepseek_call(std::string_view& rest) {
  if (!take(rest, "<｜tool▁call▁begin｜>")) return std::nullopt;
  auto name = take_until(rest, "<｜tool▁sep｜>");
  if (!name) return std::nullopt;
  drop_space(rest);
  const bool is_fenced = !rest.starts_with('{');
  if (is_fenced) {
    // What stood before is the call's type.
    name = take_until(rest, "\n");
    drop_space(rest);
    if (!name || !take(rest, "```json")) return std::nullopt;
    drop_space(rest);
  }
  const size_t end = value_end(rest, 0);
  const std::string_view arguments = rest.substr(0, end);
  rest.remove_prefix(end);
  drop_space(rest);
  if (is_fenced && !take(rest, "```")) return std::nullopt;
  if (!take(rest, "<｜tool▁call▁end｜>")) return std::nullopt;
  drop_space(rest);
  return make_call(trim(*name), std::string(arguments));
}

}  // namespace

bool is_json_object(std::string_view text) {
  const Result<Json> parsed = Json::parse(text);
  return parsed.is_ok() && parsed->is_object();
}

ReadBlock read_json_calls(std::string_view block, const std::vector<ToolFunction>&) {
  const std::string_view json = trim(block);
  const Result<Json> parsed = Json::parse(json);
  if (parsed.is_error()) return std::nullopt;
  if (parsed->is_object()) return one(read_object(json, *parsed));
  const auto texts = item_texts(json);
  if (!parsed->is_array() || texts.empty() || texts.size() != parsed->size()) return std::nullopt;
  std::vector<ReplyPart> calls;
  for (size_t i = 0; i < texts.size(); ++i) {
    const Json& item = parsed->items()[i];
    auto call = item.is_object() ? read_object(texts[i], item) : std::nullopt;
    if (!call) return std::nullopt;
    calls.push_back(std::move(*call));
  }
  return calls;
}

ReadBlock read_offered_json_calls(std::string_view block,
                                  const std::vector<ToolFunction>& functions) {
  const Result<Json> parsed = Json::parse(trim(block));
  if (parsed.is_error() || !parsed->is_object()) return std::nullopt;
  if (!parsed->contains("arguments") && !parsed->contains("parameters")) return std::nullopt;
  const bool is_offered = std::any_of(
      functions.begin(), functions.end(),
      [&](const ToolFunction& function) { return function.name == (*parsed)["name"].as_string(); });
  return is_offered ? read_json_calls(block, functions) : std::nullopt;
}

ReadBlock read_named_json_calls(std::string_view block,
                                const std::vector<ToolFunction>& functions) {
  std::string_view rest = trim(block);
  if (rest.starts_with('[') || rest.starts_with('{')) return read_json_calls(rest, functions);
  const auto head = take_until(rest, "[ARGS]");
  if (!head) return std::nullopt;
  return one(make_call(trim(head->substr(0, head->find("[CALL_ID]"))), std::string(trim(rest))));
}

ReadBlock read_parameter_calls(std::string_view block, const std::vector<ToolFunction>& functions) {
  std::vector<ReplyPart> calls;
  for (drop_space(block); !block.empty();) {
    auto call = take_function(block, functions);
    if (!call) return std::nullopt;
    calls.push_back(std::move(*call));
  }
  if (calls.empty()) return std::nullopt;
  return calls;
}

ReadBlock read_deepseek_calls(std::string_view block, const std::vector<ToolFunction>&) {
  std::vector<ReplyPart> calls;
  for (drop_space(block); !block.empty();) {
    auto call = take_deepseek_call(block);
    if (!call) return std::nullopt;
    calls.push_back(std::move(*call));
  }
  if (calls.empty()) return std::nullopt;
  return calls;
}

}  // namespace plinth::engine
