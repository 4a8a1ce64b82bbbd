// SPDX-License-Identifier: Apache-2.0
// Readers of the extension types' text forms. Each accepts exactly the forms that docs/policy.md
// states.
#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstring>

#include "base/text.h"
#include "guard/policy/extensions.h"

namespace plinth::guard {
namespace {

Error wrong(std::string_view what, std::string_view text, std::string_view expected) {
  return make_error(ErrorCode::malformed, std::string(what) + ": '" + shorten(text, 80) +
                                              "' is not " + std::string(expected));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes the digits at the front of `text`; false when there are none or they overflow.
bool take_digits(std::string_view& text, uint64_t& number) {
  size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  const auto [end, error] = std::from_chars(text.data(), text.data() + count, number);
  if (count == 0 || error != std::errc{}) return false;
  text.remove_prefix(count);
  return true;
}

// Exactly `count` digits.
bool take_fixed(std::string_view& text, size_t count, int& number) {
  if (text.size() < count) return false;
  for (size_t i = 0; i < count; ++i) {
    if (!is_digit(text[i])) return false;
  }
  std::from_chars(text.data(), text.data() + count, number);
  text.remove_prefix(count);
  return true;
}

bool take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

// sign * (whole * scale + rest) without overflow; the least int64 is allowed.
bool scaled(bool is_negative, uint64_t whole, uint64_t scale, uint64_t rest, int64_t& out) {
  uint64_t product = 0;
  uint64_t sum = 0;
  if (__builtin_mul_overflow(whole, scale, &product)) return false;
  if (__builtin_add_overflow(product, rest, &sum)) return false;
  const uint64_t limit = is_negative ? uint64_t{1} << 63 : (uint64_t{1} << 63) - 1;
  if (sum > limit) return false;
  out = static_cast<int64_t>(is_negative ? ~sum + 1 : sum);
  return true;
}

bool take_date(std::string_view& text, int64_t& day) {
  int year = 0;
  int month = 0;
  int day_of_month = 0;
  if (!take_fixed(text, 4, year) || !take(text, '-') || !take_fixed(text, 2, month) ||
      !take(text, '-') || !take_fixed(text, 2, day_of_month)) {
    return false;
  }
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day_of_month)));
  if (!date.ok()) return false;
  day = std::chrono::sys_days(date).time_since_epoch().count();
  return true;
}

// "hh:mm:ss" or "hh:mm:ss.SSS", then "Z" or "+hhmm" or "-hhmm".
bool take_time(std::string_view& text, int64_t& ms) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  int fraction = 0;
  if (!take_fixed(text, 2, hour) || !take(text, ':') || !take_fixed(text, 2, minute) ||
      !take(text, ':') || !take_fixed(text, 2, second)) {
    return false;
  }
  if (hour > 23 || minute > 59 || second > 59) return false;
  if (take(text, '.') && !take_fixed(text, 3, fraction)) return false;
  ms = ((int64_t{hour} * 60 + minute) * 60 + second) * 1000 + fraction;
  if (take(text, 'Z')) return true;
  const bool is_ahead = text.starts_with('+');
  if (!is_ahead && !text.starts_with('-')) return false;
  text.remove_prefix(1);
  if (!take_fixed(text, 2, hour) || !take_fixed(text, 2, minute) || hour > 23 || minute > 59) {
    return false;
  }
  const int64_t zone_ms = (int64_t{hour} * 60 + minute) * 60'000;
  ms += is_ahead ? -zone_ms : zone_ms;
  return true;
}

}  // namespace

Result<Decimal> parse_decimal(std::string_view text) {
  constexpr std::string_view kExpected = "a decimal with one to four digits after the point";
  std::string_view rest = text;
  const bool is_negative = take(rest, '-');
  uint64_t whole = 0;
  uint64_t fraction = 0;
  if (!take_digits(rest, whole) || !take(rest, '.')) return wrong("decimal", text, kExpected);
  const size_t digits = rest.size();
  if (digits > 4 || !take_digits(rest, fraction) || !rest.empty()) {
    return wrong("decimal", text, kExpected);
  }
  for (size_t i = digits; i < 4; ++i) fraction *= 10;
  Decimal decimal;
  if (!scaled(is_negative, whole, 10'000, fraction, decimal.units)) {
    return wrong("decimal", text, "within the range of decimals");
  }
  return decimal;
}

Result<IpRange> parse_ip(std::string_view text) {
  constexpr std::string_view kExpected = "an IPv4 or IPv6 address or range";
  const size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  IpRange ip;
  ip.is_v6 = address.find(':') != std::string::npos;
  // An IPv4 tail inside an IPv6 address is refused: two spellings of one address invite mistakes.
  if (ip.is_v6 && address.find('.') != std::string::npos) return wrong("ip", text, kExpected);
  if (address.find('\0') != std::string::npos ||
      inet_pton(ip.is_v6 ? AF_INET6 : AF_INET, address.c_str(), ip.address.data()) != 1) {
    return wrong("ip", text, kExpected);
  }
  const uint64_t bits = ip.is_v6 ? 128 : 32;
  ip.prefix = static_cast<uint8_t>(bits);
  if (slash == std::string_view::npos) return ip;
  std::string_view rest = text.substr(slash + 1);
  const bool has_leading_zero = rest.size() > 1 && rest[0] == '0';
  uint64_t prefix = 0;
  if (has_leading_zero || !take_digits(rest, prefix) || !rest.empty() || prefix > bits) {
    return wrong("ip", text, kExpected);
  }
  ip.prefix = static_cast<uint8_t>(prefix);
  return ip;
}

bool is_in_range(const IpRange& inner, const IpRange& outer) {
  if (inner.is_v6 != outer.is_v6 || inner.prefix < outer.prefix) return false;
  const size_t whole = outer.prefix / 8;
  if (std::memcmp(inner.address.data(), outer.address.data(), whole) != 0) return false;
  const unsigned left = outer.prefix % 8;
  if (left == 0) return true;
  const auto mask = static_cast<uint8_t>(0xFFu << (8 - left));
  return (inner.address[whole] & mask) == (outer.address[whole] & mask);
}

Result<Instant> parse_instant(std::string_view text) {
  constexpr std::string_view kExpected =
      "YYYY-MM-DD or YYYY-MM-DDThh:mm:ss[.SSS] with Z, +hhmm or -hhmm";
  std::string_view rest = text;
  int64_t day = 0;
  int64_t ms = 0;
  if (!take_date(rest, day)) return wrong("datetime", text, kExpected);
  if (!rest.empty() && !(take(rest, 'T') && take_time(rest, ms) && rest.empty())) {
    return wrong("datetime", text, kExpected);
  }
  return Instant{day * 86'400'000 + ms};
}

Result<Span> parse_span(std::string_view text) {
  constexpr std::string_view kExpected = "a duration like 1d2h3m4s5ms";
  constexpr std::array<std::pair<std::string_view, uint64_t>, 5> kUnits = {
      {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
  std::string_view rest = text;
  const bool is_negative = take(rest, '-');
  if (rest.empty()) return wrong("duration", text, kExpected);
  uint64_t sum = 0;
  size_t unit = 0;
  while (!rest.empty()) {
    uint64_t number = 0;
    if (!take_digits(rest, number)) return wrong("duration", text, kExpected);
    size_t letters = 0;
    while (letters < rest.size() && !is_digit(rest[letters])) ++letters;
    while (unit < kUnits.size() && kUnits[unit].first != rest.substr(0, letters)) ++unit;
    if (unit == kUnits.size()) return wrong("duration", text, kExpected);
    int64_t part = 0;
    if (!scaled(true, number, kUnits[unit].second, 0, part) ||
        __builtin_add_overflow(sum, ~static_cast<uint64_t>(part) + 1, &sum)) {
      return wrong("duration", text, "within 64 bits of milliseconds");
    }
    rest.remove_prefix(letters);
    ++unit;
  }
  Span span;
  if (!scaled(is_negative, 1, sum, 0, span.ms)) {
    return wrong("duration", text, "within 64 bits of milliseconds");
  }
  return span;
}

}  // namespace plinth::guard
