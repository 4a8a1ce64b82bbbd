// SPDX-License-Identifier: Apache-2.0
// Small text operations, and where UTF-8 may be cut.
#include "base/text.h"

#include <simdjson.h>

#include <algorithm>

namespace plinth {
namespace {

constexpr std::string_view kEllipsis = "\u2026";

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// Bytes a code point takes, told by its first byte; 1 for a byte that begins none.
size_t code_point_bytes(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte >= 0xf0 && byte <= 0xf4) return 4;
  if (byte >= 0xe0) return byte < 0xf0 ? 3 : 1;
  return byte >= 0xc2 ? 2 : 1;
}

size_t boundary_at_or_before(std::string_view text, size_t position) {
  if (position >= text.size()) return text.size();
  while (position > 0 && is_continuation(text[position])) --position;
  return position;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string lower_ascii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string join(const std::vector<std::string>& items, std::string_view separator) {
  std::string text;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text += separator;
    text += items[i];
  }
  return text;
}

bool is_utf8(std::string_view bytes) { return simdjson::validate_utf8(bytes.data(), bytes.size()); }

size_t utf8_complete_prefix(std::string_view bytes) {
  const size_t look_back = std::min<size_t>(bytes.size(), 3);
  for (size_t back = 1; back <= look_back; ++back) {
    const size_t at = bytes.size() - back;
    if (is_continuation(bytes[at])) continue;
    return code_point_bytes(bytes[at]) > back ? at : bytes.size();
  }
  return bytes.size();
}

std::string shorten(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  if (bytes_max < kEllipsis.size()) {
    return std::string(text.substr(0, boundary_at_or_before(text, bytes_max)));
  }
  std::string cut(text.substr(0, boundary_at_or_before(text, bytes_max - kEllipsis.size())));
  return cut.append(kEllipsis);
}

}  // namespace plinth
