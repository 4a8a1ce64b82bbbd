// SPDX-License-Identifier: Apache-2.0
// A call counts only when its JSON is valid and has a name and an arguments object.
#include "engine/tool_calls/tool_calls.h"

#include <algorithm>
#include <optional>

#include "base/json.h"
#include "base/text.h"

namespace plinth::engine {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

// End of the JSON value that begins at `at`, in text that is known to be valid JSON.
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
  return at;
}

size_t skip_space(std::string_view json, size_t at) {
  return std::min(json.find_first_not_of(kSpace, at), json.size());
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

std::optional<ReplyPart> read_call(std::string_view inner) {
  const std::string_view json = trim(inner);
  const Result<Json> parsed = Json::parse(json);
  if (parsed.is_error() || !parsed->is_object()) return std::nullopt;
  const Json& name = (*parsed)["name"];
  if (!name.is_string() || name.as_string().empty() ||
      name.as_string().size() > ToolCallParser::kNameBytesMax) {
    return std::nullopt;
  }
  ReplyPart part;
  part.is_tool_call = true;
  part.name = name.as_string();
  const Json& arguments = (*parsed)["arguments"];
  if (arguments.is_object()) {
    part.arguments = member_text(json, "arguments");
    // A key spelled with escapes is found by the parser but not in the source text.
    if (part.arguments.empty()) part.arguments = arguments.dump();
    return part;
  }
  if (arguments.is_null() && !parsed->contains("arguments")) {
    part.arguments = "{}";
    return part;
  }
  if (!arguments.is_string()) return std::nullopt;
  // Some models write the arguments as a string that holds JSON.
  const Result<Json> inside = Json::parse(arguments.as_string());
  if (inside.is_error() || !inside->is_object()) return std::nullopt;
  part.arguments = arguments.as_string();
  return part;
}

// Length of the longest end of `text` that begins `tag`.
size_t tag_start_length(std::string_view text, std::string_view tag) {
  for (size_t length = std::min(text.size(), tag.size() - 1); length > 0; --length) {
    if (text.substr(text.size() - length) == tag.substr(0, length)) return length;
  }
  return 0;
}

}  // namespace

std::vector<ReplyPart> ToolCallParser::feed(std::string_view text) {
  std::vector<ReplyPart> parts;
  pending_ += text;
  consume(parts, false);
  return parts;
}

std::vector<ReplyPart> ToolCallParser::finish() {
  std::vector<ReplyPart> parts;
  consume(parts, true);
  return parts;
}

void ToolCallParser::consume(std::vector<ReplyPart>& parts, bool is_last) {
  while (is_in_call_ ? consume_call(parts, is_last) : consume_text(parts, is_last)) {
  }
}

// True when a call begins in the pending text, which then starts with it.
bool ToolCallParser::consume_text(std::vector<ReplyPart>& parts, bool is_last) {
  const size_t open = pending_.find(kOpen);
  if (open != std::string::npos) {
    pass_text(parts, std::string_view(pending_).substr(0, open));
    pending_.erase(0, open);
    is_in_call_ = true;
    searched_ = kOpen.size();
    return true;
  }
  const size_t held = is_last ? 0 : tag_start_length(pending_, kOpen);
  const size_t passed = pending_.size() - held;
  pass_text(parts, std::string_view(pending_).substr(0, passed));
  pending_.erase(0, passed);
  return false;
}

// True when the pending call ended, one way or the other.
bool ToolCallParser::consume_call(std::vector<ReplyPart>& parts, bool is_last) {
  const size_t from =
      searched_ >= kOpen.size() + kClose.size() ? searched_ - kClose.size() : kOpen.size();
  const size_t close = pending_.find(kClose, from);
  searched_ = pending_.size();
  if (close == std::string::npos) {
    if (!is_last && pending_.size() <= kCallBytesMax) return false;
    // Only the tag is certain to be text: another call may begin behind it.
    pass_text(parts, kOpen);
    pending_.erase(0, kOpen.size());
    is_in_call_ = false;
    return true;
  }
  const std::string_view whole = std::string_view(pending_).substr(0, close + kClose.size());
  const auto call = read_call(whole.substr(kOpen.size(), close - kOpen.size()));
  if (call) {
    space_.clear();
    parts.push_back(*call);
    is_after_call_ = true;
  } else {
    pass_text(parts, whole);
  }
  pending_.erase(0, close + kClose.size());
  is_in_call_ = false;
  return true;
}

void ToolCallParser::pass_text(std::vector<ReplyPart>& parts, std::string_view text) {
  if (is_after_call_ && text.find_first_not_of(kSpace) == std::string_view::npos) {
    space_ += text;
    return;
  }
  if (text.empty()) return;
  ReplyPart part;
  part.text = space_ + std::string(text);
  space_.clear();
  is_after_call_ = false;
  parts.push_back(std::move(part));
}

}  // namespace plinth::engine
