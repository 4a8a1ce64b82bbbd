// SPDX-License-Identifier: Apache-2.0
// Text of Json values: compact, for people, and canonical. What is written is always valid JSON:
// bytes of a string that are not UTF-8 come out as U+FFFD.
#include <algorithm>
#include <cmath>

#include "base/detail/json_number.h"
#include "base/json.h"
#include "base/text.h"

namespace plinth {
namespace {

constexpr std::string_view kReplacement = "\uFFFD";

void escape_control(std::string& out, unsigned char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
  }
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    size_t length = std::min<size_t>(text.size(), 4);
    while (length > 0 && !is_utf8(text.substr(0, length))) --length;
    valid += length > 0 ? text.substr(0, length) : kReplacement;
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return valid;
}

// Containers and strings in one of three layouts.
class Writer {
 public:
  enum class Layout { compact, pretty, canonical };
  Writer(std::string& out, Layout layout) : out_(out), layout_(layout) {}

  void write(const Json& value, size_t depth) {
    if (value.is_string()) {
      json_escape_to(out_, value.as_string());
    } else if (value.is_array()) {
      write_array(value.items(), depth);
    } else if (value.is_object()) {
      write_object(value.members(), depth);
    } else if (layout_ == Layout::canonical && value.is_number() && !value.is_integer()) {
      write_canonical_number(value);
    } else {
      value.dump_to(out_);
    }
  }

 private:
  // One text for all numbers that are equal: see Json::operator==.
  void write_canonical_number(const Json& value) {
    const double number = value.as_double();
    if (std::fabs(number) > json_number::kExactMax) {
      value.dump_to(out_);
    } else {
      out_ += number == 0 ? "0" : json_number::format(number);
    }
  }

  void write_array(const Json::Array& items, size_t depth) {
    out_ += '[';
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += ',';
      new_line(depth + 1);
      write(items[i], depth + 1);
    }
    if (!items.empty()) new_line(depth);
    out_ += ']';
  }

  void write_object(const Json::Object& members, size_t depth) {
    std::vector<const Json::Member*> order;
    order.reserve(members.size());
    for (const Json::Member& member : members) order.push_back(&member);
    if (layout_ == Layout::canonical) {
      std::sort(order.begin(), order.end(),
                [](const Json::Member* a, const Json::Member* b) { return a->first < b->first; });
    }
    out_ += '{';
    for (size_t i = 0; i < order.size(); ++i) {
      if (i > 0) out_ += ',';
      new_line(depth + 1);
      json_escape_to(out_, order[i]->first);
      out_ += layout_ == Layout::pretty ? ": " : ":";
      write(order[i]->second, depth + 1);
    }
    if (!order.empty()) new_line(depth);
    out_ += '}';
  }

  void new_line(size_t depth) {
    if (layout_ != Layout::pretty) return;
    out_ += '\n';
    out_.append(depth * 2, ' ');
  }

  std::string& out_;
  const Layout layout_;
};

}  // namespace

void json_escape_to(std::string& out, std::string_view text) {
  std::string replaced;
  if (!is_utf8(text)) {
    replaced = replace_invalid_utf8(text);
    text = replaced;
  }
  out += '"';
  size_t plain_start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out += text.substr(plain_start, i - plain_start);
    plain_start = i + 1;
    if (c < 0x20) {
      escape_control(out, c);
    } else {
      out += '\\';
      out += text[i];
    }
  }
  out += text.substr(plain_start);
  out += '"';
}

std::string Json::dump() const {
  std::string out;
  dump_to(out);
  return out;
}

void Json::dump_to(std::string& out) const {
  if (is_null()) {
    out += "null";
  } else if (is_bool()) {
    out += as_bool() ? "true" : "false";
  } else if (is_integer()) {
    out += std::to_string(as_int());
  } else if (const Number* number = std::get_if<Number>(&value_)) {
    out += number->text;
  } else {
    Writer(out, Writer::Layout::compact).write(*this, 0);
  }
}

std::string Json::dump_pretty() const {
  std::string out;
  Writer(out, Writer::Layout::pretty).write(*this, 0);
  return out;
}

std::string Json::canonical() const {
  std::string out;
  Writer(out, Writer::Layout::canonical).write(*this, 0);
  return out;
}

}  // namespace plinth
