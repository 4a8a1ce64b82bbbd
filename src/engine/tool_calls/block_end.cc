// SPDX-License-Identifier: Apache-2.0
#include "engine/tool_calls/block_end.h"

#include <algorithm>

namespace plinth::engine {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kArguments = "[ARGS]";
constexpr std::string_view kParameter = "<parameter=";
constexpr std::string_view kParameterEnd = "</parameter>";

// Whether more text could make it begin with `tag`.
bool may_become(std::string_view text, std::string_view tag) {
  return text.size() < tag.size() && tag.starts_with(text);
}

}  // namespace

size_t tag_start_length(std::string_view text, std::string_view tag) {
  if (tag.empty()) return 0;
  for (size_t length = std::min(text.size(), tag.size() - 1); length > 0; --length) {
    if (text.substr(text.size() - length) == tag.substr(0, length)) return length;
  }
  return 0;
}

std::optional<BlockEnd::Found> BlockEnd::find(std::string_view text) {
  switch (format_->reading) {
    case CallReading::until_tag:
      return find_tag(text);
    case CallReading::until_parameters:
      return find_tag_behind_parameters(text);
    case CallReading::until_json_ends:
    case CallReading::leading_json:
      return find_json_end(text);
    case CallReading::channels:
      break;
  }
  return std::nullopt;
}

bool BlockEnd::skip_in_string(std::string_view text) {
  const char c = text[at_];
  if (!is_in_string_) {
    is_in_string_ = c == '"';
    if (is_in_string_) ++at_;
    return is_in_string_;
  }
  // What is escaped may be yet to come: then the next call begins behind the text's end.
  at_ += c == '\\' ? 2 : 1;
  if (c == '"') is_in_string_ = false;
  return true;
}

std::optional<BlockEnd::Found> BlockEnd::find_tag(std::string_view text) {
  while (at_ < text.size()) {
    if (skip_in_string(text)) continue;
    const std::string_view rest = text.substr(at_);
    if (rest.starts_with(format_->close)) return Found{at_, at_ + format_->close.size()};
    if (may_become(rest, format_->close)) return std::nullopt;
    ++at_;
  }
  return std::nullopt;
}

std::optional<BlockEnd::Found> BlockEnd::find_tag_behind_parameters(std::string_view text) {
  while (at_ < text.size()) {
    const std::string_view rest = text.substr(at_);
    const std::string_view awaited = is_in_parameter_ ? kParameterEnd : kParameter;
    if (!is_in_parameter_ && rest.starts_with(format_->close)) {
      return Found{at_, at_ + format_->close.size()};
    }
    if (rest.starts_with(awaited)) {
      is_in_parameter_ = !is_in_parameter_;
      at_ += awaited.size();
      continue;
    }
    if (may_become(rest, awaited)) return std::nullopt;
    if (!is_in_parameter_ && may_become(rest, format_->close)) return std::nullopt;
    ++at_;
  }
  return std::nullopt;
}

// True once the JSON's first bracket stands at at_.
bool BlockEnd::find_json_begin(std::string_view text) {
  at_ = std::min(text.find_first_not_of(kSpace, at_), text.size());
  if (at_ == text.size()) return false;
  if (text[at_] == '{') return true;
  const bool is_leading = format_->reading == CallReading::leading_json;
  if (text[at_] == '[' && !is_leading) return true;
  const bool is_named =
      std::find(format_->tags.begin(), format_->tags.end(), kArguments) != format_->tags.end();
  if (!is_named) {
    is_hopeless_ = true;
    return false;
  }
  const size_t found = text.find(kArguments);
  if (found != std::string_view::npos && found <= kToolNameBytesMax) {
    at_ = std::min(text.find_first_not_of(kSpace, found + kArguments.size()), text.size());
    is_hopeless_ = at_ < text.size() && text[at_] != '{';
    return at_ < text.size() && !is_hopeless_;
  }
  is_hopeless_ = text.size() > kToolNameBytesMax + kArguments.size();
  return false;
}

std::optional<BlockEnd::Found> BlockEnd::find_json_end(std::string_view text) {
  if (is_hopeless_) return std::nullopt;
  if (depth_ == 0) {
    // The name before the JSON is short, so looking at it again costs little.
    const size_t before = at_;
    if (!find_json_begin(text)) {
      at_ = before;
      return std::nullopt;
    }
  }
  while (at_ < text.size()) {
    if (skip_in_string(text)) continue;
    const char c = text[at_++];
    if (c == '{' || c == '[') ++depth_;
    if ((c == '}' || c == ']') && --depth_ == 0) return Found{at_, at_};
  }
  return std::nullopt;
}

}  // namespace plinth::engine
