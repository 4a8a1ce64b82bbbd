// SPDX-License-Identifier: Apache-2.0
#include "cli/output.h"

#include <cstdio>
#include <iostream>
#include <iterator>

#include "base/disk.h"
#include "base/text.h"

namespace plinth::cli {

namespace {

// Columns on a terminal: code points, which is right for everything but wide scripts.
size_t width_of(std::string_view text) {
  size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return width;
}

std::string one_line(std::string_view text, size_t bytes_max) {
  std::string out;
  for (const char c : printable(shorten(text, bytes_max))) {
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c == '\t' ? ' ' : c;
    }
  }
  return out;
}

// The second byte of U+0080..U+009F, the C1 controls, after 0xc2.
bool is_c1(std::string_view text, size_t at) {
  if (at + 1 >= text.size() || static_cast<unsigned char>(text[at]) != 0xc2) return false;
  const auto next = static_cast<unsigned char>(text[at + 1]);
  return next >= 0x80 && next <= 0x9f;
}

}  // namespace

std::string printable(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    auto byte = static_cast<unsigned char>(text[at]);
    const bool is_wide = is_c1(text, at);
    if (is_wide) byte = static_cast<unsigned char>(text[++at]);
    const bool is_control =
        is_wide || byte == 0x7f || (byte < 0x20 && byte != '\n' && byte != '\t');
    if (is_control) {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += text[at];
    }
  }
  return out;
}

void print_table(const std::vector<std::string>& heads,
                 const std::vector<std::vector<std::string>>& rows, size_t cell_bytes_max) {
  if (rows.empty()) {
    std::printf("none\n");
    return;
  }
  std::vector<std::vector<std::string>> cells;
  std::vector<size_t> widths;
  for (const auto& head : heads) widths.push_back(width_of(head));
  for (const auto& row : rows) {
    cells.emplace_back();
    for (size_t i = 0; i < row.size(); ++i) {
      cells.back().push_back(one_line(row[i], cell_bytes_max));
      if (i < widths.size()) widths[i] = std::max(widths[i], width_of(cells.back().back()));
    }
  }
  cells.insert(cells.begin(), heads);
  for (const auto& row : cells) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    std::printf("%s\n", line.c_str());
  }
}

void show(Context& context, const Result<Json>& value, void (*print)(const Json&)) {
  if (value.is_error()) return fail(context, value.error());
  if (context.is_json) {
    std::printf("%s\n", value->dump().c_str());
  } else {
    print(*value);
  }
}

void print_json(const Json& value) { std::printf("%s\n", value.dump_pretty().c_str()); }

void print_fields(const Json& value) {
  size_t width = 0;
  for (const auto& [name, field] : value.members()) width = std::max(width, width_of(name));
  for (const auto& [name, field] : value.members()) {
    const std::string text = field.is_string() ? field.as_string() : field.dump();
    std::printf("%s%s  %s\n", printable(name).c_str(),
                std::string(width - width_of(name), ' ').c_str(), printable(text).c_str());
  }
}

Result<std::string> read_text(const std::string& path) {
  if (path != "-") {
    auto text = SystemDisk().read_file(path);
    if (text.is_error() && text.error().code != ErrorCode::too_large) {
      return make_error(ErrorCode::invalid_argument, text.error().message);
    }
    return text;
  }
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

}  // namespace plinth::cli
