// SPDX-License-Identifier: Apache-2.0
// Values and times as Python writes them.
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "engine/template/text_functions.h"

namespace plinth::engine::templates {
namespace {

constexpr int kDepthMax = 128;

void append_hex(std::string& out, unsigned byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\x";
  out += kDigits[byte >> 4 & 15];
  out += kDigits[byte & 15];
}

// In single quotes, unless the text holds those and no double ones.
Text represent_text(const Text& text) {
  const bool has_single = text.bytes.find('\'') != std::string::npos;
  const char quote = has_single && text.bytes.find('"') == std::string::npos ? '"' : '\'';
  Text shown = Text::own(std::string(1, quote));
  for (size_t i = 0; i < text.bytes.size(); ++i) {
    const char c = text.bytes[i];
    std::string escaped;
    if (c == quote || c == '\\') {
      escaped = {'\\', c};
    } else if (c == '\n') {
      escaped = "\\n";
    } else if (c == '\r') {
      escaped = "\\r";
    } else if (c == '\t') {
      escaped = "\\t";
    } else if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) {
      append_hex(escaped, static_cast<uint8_t>(c));
    } else {
      escaped = c;
    }
    shown.bytes += escaped;
    shown.foreign.append(escaped.size(), text.foreign[i]);
  }
  shown.append(Text::own(std::string(1, quote)));
  return shown;
}

class Representer {
 public:
  explicit Representer(Machine& machine) : machine_(machine) {}

  Status write(const Value& value, int depth) {
    if (depth > kDepthMax) return machine_.error("a value is nested too deeply to be written");
    if (out_.bytes.size() > kTextBytesMax) return machine_.error("a value is too long");
    TRY(machine_.spend(1));
    if (const Text* text = value.text()) {
      out_.append(represent_text(*text));
      return ok();
    }
    if (const List* list = value.list()) {
      out_.append(Text::own("["));
      for (size_t i = 0; i < list->size(); ++i) {
        if (i > 0) out_.append(Text::own(", "));
        TRY(write((*list)[i], depth + 1));
      }
      out_.append(Text::own("]"));
      return ok();
    }
    if (const Dict* dict = value.dict()) {
      out_.append(Text::own("{"));
      for (size_t i = 0; i < dict->members.size(); ++i) {
        if (i > 0) out_.append(Text::own(", "));
        const Text& key = dict->members[i].first;
        out_.append(dict->has_integer_keys ? key : represent_text(key));
        out_.append(Text::own(": "));
        TRY(write(dict->members[i].second, depth + 1));
      }
      out_.append(Text::own("}"));
      return ok();
    }
    if (value.is_undefined()) {
      out_.append(Text::own("Undefined"));
    } else if (value.is_none()) {
      out_.append(Text::own("None"));
    } else if (const bool* boolean = value.boolean()) {
      out_.append(Text::own(*boolean ? "True" : "False"));
    } else if (const int64_t* integer = value.integer()) {
      out_.append(Text::own(std::to_string(*integer)));
    } else if (const double* real = value.real()) {
      out_.append(Text::own(real_text(*real)));
    } else {
      return machine_.error("a value of type " + std::string(value.type_name()) +
                            " has no written form");
    }
    return ok();
  }

  Text take() { return std::move(out_); }

 private:
  Machine& machine_;
  Text out_;
};

}  // namespace

Result<Text> represent(Machine& machine, const Value& value) {
  Representer representer(machine);
  TRY(representer.write(value, 0));
  return representer.take();
}

// The shortest digits that give the number back; an exponent below 1e-4 and from 1e16 on.
std::string real_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  const double size = std::fabs(value);
  const bool is_plain = value == 0 || (size >= 1e-4 && size < 1e16);
  std::array<char, 64> buffer{};
  const auto [end, failed] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                    is_plain ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(buffer.data(), end);
  if (is_plain && text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::optional<std::string> format_time(int64_t unix_s, std::string_view format) {
  constexpr std::string_view kDirectives = "aAbBdHIjmMpSyYUwWcxXZ%eDFTRnthGuVC";
  constexpr size_t kFormatBytesMax = 256;
  if (format.size() > kFormatBytesMax) return std::nullopt;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') continue;
    // A dash takes leading zeros away.
    if (i + 1 < format.size() && format[i + 1] == '-') ++i;
    ++i;
    if (i >= format.size() || kDirectives.find(format[i]) == std::string_view::npos) {
      return std::nullopt;
    }
  }
  const auto seconds = static_cast<std::time_t>(unix_s);
  std::tm parts{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return std::nullopt;
  if (format.empty()) return std::string();
  std::array<char, 4096> buffer{};
  const size_t length =
      std::strftime(buffer.data(), buffer.size(), std::string(format).c_str(), &parts);
  return std::string(buffer.data(), length);
}

}  // namespace plinth::engine::templates
