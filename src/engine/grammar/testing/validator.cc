// SPDX-License-Identifier: Apache-2.0
// JSON Schema as its text says, keyword by keyword, for the keywords that structured output takes.
#include <arpa/inet.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <regex>

#include "base/check.h"
#include "base/text.h"
#include "engine/grammar/testing/oracle.h"

namespace plinth::engine::grammar::testing {
namespace {

size_t length_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

bool has_type(const Json& value, const std::string& type) {
  if (type == "integer") {
    return value.is_number() && std::floor(value.as_double()) == value.as_double();
  }
  return value.type_name() == type;
}

bool is_date(const std::string& text) {
  int year = 0, month = 0, day = 0;
  if (text.size() != 10 || std::sscanf(text.c_str(), "%4d-%2d-%2d", &year, &month, &day) != 3) {
    return false;
  }
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (month < 1 || month > 12) return false;
  return day >= 1 && day <= kDays[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

bool is_time(const std::string& text) {
  int hour = 0, minute = 0, second = 0, used = 0;
  if (std::sscanf(text.c_str(), "%2d:%2d:%2d%n", &hour, &minute, &second, &used) != 3) return false;
  static const std::regex kRest("(\\.[0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])");
  return used == 8 && hour < 24 && minute < 60 && second < 60 &&
         std::regex_match(text.substr(8), kRest);
}

bool has_format(const std::string& text, const std::string& format) {
  const auto has_shape = [&](const char* shape) {
    return std::regex_match(text, std::regex(shape));
  };
  unsigned char address[16];
  if (format == "date") return is_date(text);
  if (format == "time") return is_time(text);
  if (format == "date-time") {
    return text.size() > 11 && text[10] == 'T' && is_date(text.substr(0, 10)) &&
           is_time(text.substr(11));
  }
  if (format == "ipv4") return inet_pton(AF_INET, text.c_str(), address) == 1;
  if (format == "ipv6") return inet_pton(AF_INET6, text.c_str(), address) == 1;
  if (format == "uuid") {
    return has_shape("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");
  }
  if (format == "hostname") {
    if (text.size() > 253) return false;
    for (const std::string_view label : split(text, '.')) {
      if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') {
        return false;
      }
    }
    return has_shape("[-.0-9A-Za-z]+");
  }
  if (format == "email") {
    const size_t at = text.find('@');
    return at != std::string::npos && at <= 64 && has_format(text.substr(at + 1), "hostname") &&
           std::regex_match(text.substr(0, at), std::regex("[-+0-9A-Za-z_]+(\\.[-+0-9A-Za-z_]+)*"));
  }
  if (format == "uri") return has_shape("https?://[^/?#]+(/[^?#]*)*(\\?[^#]*)?(#.*)?");
  if (format == "duration") {
    return has_shape(
               "P([0-9]+W|([0-9]+Y)?([0-9]+M)?([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+S)?)?)") &&
           text.back() != 'P' && text.back() != 'T';
  }
  CHECK(false);
  return false;
}

class Validator {
 public:
  explicit Validator(const Json& root) : root_(root) {}

  bool is_valid(const Json& schema, const Json& value) const {
    if (schema.is_bool()) return schema.as_bool();
    for (const auto& [keyword, limit] : schema.members()) {
      if (!holds(schema, keyword, limit, value)) return false;
    }
    return true;
  }

 private:
  size_t valid_count(const Json& schemas, const Json& value) const {
    return static_cast<size_t>(
        std::count_if(schemas.items().begin(), schemas.items().end(),
                      [&](const Json& schema) { return is_valid(schema, value); }));
  }

  const Json& target(const std::string& reference) const {
    const Json* at = &root_;
    if (reference == "#") return *at;
    for (const std::string_view step : split(std::string_view(reference).substr(2), '/')) {
      at = at->find(step);
      CHECK(at != nullptr);
    }
    return *at;
  }

  bool holds(const Json& schema, const std::string& keyword, const Json& limit,
             const Json& value) const {
    if (keyword == "$ref") return is_valid(target(limit.as_string()), value);
    if (keyword == "allOf") return valid_count(limit, value) == limit.size();
    if (keyword == "anyOf") return valid_count(limit, value) > 0;
    if (keyword == "oneOf") return valid_count(limit, value) == 1;
    if (keyword == "const") return value == limit;
    if (keyword == "enum") {
      return std::find(limit.items().begin(), limit.items().end(), value) != limit.items().end();
    }
    if (keyword == "type") {
      if (limit.is_string()) return has_type(value, limit.as_string());
      return std::any_of(limit.items().begin(), limit.items().end(),
                         [&](const Json& type) { return has_type(value, type.as_string()); });
    }
    if (value.is_number()) return number_holds(keyword, limit.as_double(), value.as_double());
    if (value.is_string()) return string_holds(keyword, limit, value.as_string());
    if (value.is_array()) return array_holds(schema, keyword, limit, value);
    if (value.is_object()) return object_holds(schema, keyword, limit, value);
    return true;
  }

  static bool number_holds(const std::string& keyword, double limit, double value) {
    if (keyword == "minimum") return value >= limit;
    if (keyword == "maximum") return value <= limit;
    if (keyword == "exclusiveMinimum") return value > limit;
    if (keyword == "exclusiveMaximum") return value < limit;
    return true;
  }

  static bool string_holds(const std::string& keyword, const Json& limit,
                           const std::string& value) {
    if (keyword == "minLength") return length_of(value) >= static_cast<size_t>(limit.as_int());
    if (keyword == "maxLength") return length_of(value) <= static_cast<size_t>(limit.as_int());
    if (keyword == "pattern") {
      // Bytes stand for characters: the patterns of the tests are ASCII.
      return std::regex_search(value, std::regex(limit.as_string()));
    }
    if (keyword == "format") return has_format(value, limit.as_string());
    return true;
  }

  bool array_holds(const Json& schema, const std::string& keyword, const Json& limit,
                   const Json& value) const {
    const auto& items = value.items();
    if (keyword == "minItems") return items.size() >= static_cast<size_t>(limit.as_int());
    if (keyword == "maxItems") return items.size() <= static_cast<size_t>(limit.as_int());
    const size_t listed = schema["prefixItems"].size();
    for (size_t i = 0; i < items.size(); ++i) {
      if (keyword == "prefixItems" && i < listed && !is_valid(limit.items()[i], items[i])) {
        return false;
      }
      if (keyword == "items" && i >= listed && !is_valid(limit, items[i])) return false;
    }
    return true;
  }

  bool object_holds(const Json& schema, const std::string& keyword, const Json& limit,
                    const Json& value) const {
    if (keyword == "required") {
      return std::all_of(limit.items().begin(), limit.items().end(),
                         [&](const Json& name) { return value.contains(name.as_string()); });
    }
    for (const auto& [name, member] : value.members()) {
      const Json* described = schema["properties"].find(name);
      if (keyword == "properties" && described != nullptr && !is_valid(*described, member)) {
        return false;
      }
      if (keyword == "additionalProperties" && described == nullptr && !is_valid(limit, member)) {
        return false;
      }
    }
    return true;
  }

  const Json& root_;
};

}  // namespace

bool is_valid(const Json& root, const Json& schema, const Json& value) {
  return Validator(root).is_valid(schema, value);
}

}  // namespace plinth::engine::grammar::testing
