// SPDX-License-Identifier: Apache-2.0
#include "engine/template/text_functions.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace plinth::engine::templates {
namespace {

struct CodePoint {
  size_t begin = 0;
  size_t length = 1;
  int32_t code = -1;  // -1: bytes that are no UTF-8
};

CodePoint code_point_at(std::string_view text, size_t at) {
  int32_t code = -1;
  const auto length = utf8proc_iterate(reinterpret_cast<const uint8_t*>(text.data()) + at,
                                       static_cast<utf8proc_ssize_t>(text.size() - at), &code);
  if (length < 1) return {at, 1, -1};
  return {at, static_cast<size_t>(length), code};
}

CodePoint code_point_before(std::string_view text, size_t end) {
  size_t begin = end - 1;
  while (begin > 0 && end - begin < 4 && (text[begin] & 0xc0) == 0x80) --begin;
  const CodePoint found = code_point_at(text, begin);
  return found.begin + found.length == end ? found : CodePoint{end - 1, 1, -1};
}

// str.isspace() of one character.
bool is_space(int32_t code) {
  if (code < 0) return false;
  if (code < 0x80) return code == ' ' || (code >= 9 && code <= 13) || (code >= 28 && code <= 31);
  return code == 0x85 || code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
         code == 0x2028 || code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

bool is_line_end(int32_t code) {
  return (code >= 10 && code <= 13) || (code >= 28 && code <= 30) || code == 0x85 ||
         code == 0x2028 || code == 0x2029;
}

bool is_letter(int32_t code) {
  if (code < 0) return false;
  const auto category = utf8proc_category(code);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

}  // namespace

size_t count_code_points(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

Text strip_text(const Text& text, std::optional<std::string_view> characters, Side side) {
  const std::string_view whole = text.bytes;
  const auto is_dropped = [&](const CodePoint& point) {
    if (!characters) return is_space(point.code);
    return characters->find(whole.substr(point.begin, point.length)) != std::string_view::npos;
  };
  size_t begin = 0;
  size_t end = whole.size();
  while (side != Side::right && begin < end) {
    const CodePoint point = code_point_at(whole, begin);
    if (!is_dropped(point)) break;
    begin += point.length;
  }
  while (side != Side::left && end > begin) {
    const CodePoint point = code_point_before(whole, end);
    if (!is_dropped(point)) break;
    end = point.begin;
  }
  return text.slice(begin, end - begin);
}

Text change_case(const Text& text, Case wanted) {
  Text changed;
  bool is_inside_word = false;
  for (size_t at = 0; at < text.bytes.size();) {
    const CodePoint point = code_point_at(text.bytes, at);
    at += point.length;
    if (point.code < 0) {
      changed.append(text.slice(point.begin, point.length));
      is_inside_word = false;
      continue;
    }
    const bool is_first = wanted == Case::title ? !is_inside_word : point.begin == 0;
    const bool is_upper = wanted == Case::upper || (wanted != Case::lower && is_first);
    const int32_t code = is_upper ? utf8proc_toupper(point.code) : utf8proc_tolower(point.code);
    std::array<uint8_t, 4> bytes{};
    const auto length = static_cast<size_t>(utf8proc_encode_char(code, bytes.data()));
    changed.bytes.append(reinterpret_cast<const char*>(bytes.data()), length);
    changed.foreign.append(length, text.foreign[point.begin]);
    is_inside_word = is_letter(point.code);
  }
  return changed;
}

namespace {

Result<List> split_white_space(Machine& machine, const Text& text, int64_t cuts_max) {
  List parts;
  size_t at = 0;
  for (;;) {
    while (at < text.bytes.size()) {
      const CodePoint point = code_point_at(text.bytes, at);
      if (!is_space(point.code)) break;
      at += point.length;
    }
    if (at == text.bytes.size()) return parts;
    TRY(machine.spend(1));
    if (cuts_max >= 0 && parts.size() == static_cast<size_t>(cuts_max)) {
      const Text rest = text.slice(at, text.bytes.size() - at);
      parts.push_back(TRY(machine.make_text(strip_text(rest, std::nullopt, Side::right))));
      return parts;
    }
    const size_t begin = at;
    while (at < text.bytes.size()) {
      const CodePoint point = code_point_at(text.bytes, at);
      if (is_space(point.code)) break;
      at += point.length;
    }
    parts.push_back(TRY(machine.make_text(text.slice(begin, at - begin))));
  }
}

Result<List> split_from_right(Machine& machine, const Text& text, std::string_view mark,
                              int64_t cuts_max) {
  List parts;
  size_t end = text.bytes.size();
  while (cuts_max < 0 || parts.size() < static_cast<size_t>(cuts_max)) {
    TRY(machine.spend(1));
    const size_t at =
        end < mark.size() ? std::string::npos : text.bytes.rfind(mark, end - mark.size());
    if (at == std::string::npos) break;
    const size_t begin = at + mark.size();
    parts.push_back(TRY(machine.make_text(text.slice(begin, end - begin))));
    end = at;
  }
  parts.push_back(TRY(machine.make_text(text.slice(0, end))));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

}  // namespace

Result<List> split_text(Machine& machine, const Text& text, std::optional<std::string_view> mark,
                        int64_t cuts_max, Side from) {
  if (!mark) {
    if (from == Side::right && cuts_max >= 0) {
      return machine.error("rsplit: at white space it is computed without a limit alone");
    }
    return split_white_space(machine, text, cuts_max);
  }
  if (mark->empty()) return machine.error("split: the separator is empty");
  TRY(machine.spend_on_search(text, Text::own(*mark)));
  if (from == Side::right) return split_from_right(machine, text, *mark, cuts_max);
  List parts;
  for (size_t begin = 0;;) {
    const bool is_done = cuts_max >= 0 && parts.size() == static_cast<size_t>(cuts_max);
    const size_t end = is_done ? std::string::npos : text.bytes.find(*mark, begin);
    const size_t length = end == std::string::npos ? std::string::npos : end - begin;
    parts.push_back(TRY(machine.make_text(text.slice(begin, length))));
    if (end == std::string::npos) return parts;
    begin = end + mark->size();
    TRY(machine.spend(1));
  }
}

Result<List> split_lines(Machine& machine, const Text& text, bool is_end_kept) {
  List lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.bytes.size();) {
    const CodePoint point = code_point_at(text.bytes, at);
    at += point.length;
    if (!is_line_end(point.code)) continue;
    if (point.code == '\r' && at < text.bytes.size() && text.bytes[at] == '\n') ++at;
    TRY(machine.spend(1));
    const size_t end = is_end_kept ? at : point.begin;
    lines.push_back(TRY(machine.make_text(text.slice(begin, end - begin))));
    begin = at;
  }
  if (begin < text.bytes.size()) {
    lines.push_back(TRY(machine.make_text(text.slice(begin, text.bytes.size() - begin))));
  }
  return lines;
}

Result<Text> replace_text(Machine& machine, const Text& text, std::string_view old_text,
                          const Text& new_text, int64_t count_max) {
  TRY(machine.spend_on_search(text, Text::own(old_text)));
  Text replaced;
  size_t begin = 0;
  for (int64_t count = 0; count_max < 0 || count < count_max; ++count) {
    TRY(machine.spend(1));
    size_t at = 0;
    if (old_text.empty()) {
      // Before every character, and at the end.
      const size_t length =
          count == 0 || begin >= text.bytes.size() ? 0 : code_point_at(text.bytes, begin).length;
      if (count > 0 && begin >= text.bytes.size()) break;
      at = begin + length;
    } else {
      at = text.bytes.find(old_text, begin);
      if (at == std::string::npos) break;
    }
    replaced.append(text.slice(begin, at - begin));
    replaced.append(new_text);
    if (replaced.bytes.size() > kTextBytesMax) {
      return machine.error("replace: the text is too long");
    }
    begin = at + old_text.size();
  }
  replaced.append(text.slice(begin, std::string::npos));
  return replaced;
}

Result<Text> indent_text(Machine& machine, const Text& text, const Text& indent, bool is_first,
                         bool is_blank) {
  // A line more, so that a newline at the end is followed by an empty one.
  Text whole = text;
  whole.append(Text::own("\n"));
  const List lines = TRY(split_lines(machine, whole, false));
  Text indented;
  for (size_t i = 0; i < lines.size(); ++i) {
    const Text& line = *lines[i].text();
    if (i > 0) indented.append(Text::own("\n"));
    const bool is_indented = i == 0 ? is_first : is_blank || !line.bytes.empty();
    if (is_indented) indented.append(indent);
    indented.append(line);
    if (indented.bytes.size() > kTextBytesMax) return machine.error("indent: the text is too long");
  }
  return indented;
}

int64_t find_text(std::string_view text, std::string_view part, Side from) {
  const size_t at = from == Side::right ? text.rfind(part) : text.find(part);
  if (at == std::string_view::npos) return -1;
  return static_cast<int64_t>(count_code_points(text.substr(0, at)));
}

}  // namespace plinth::engine::templates
