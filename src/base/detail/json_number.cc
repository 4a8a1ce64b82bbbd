// SPDX-License-Identifier: Apache-2.0
// Number grammar and number text of JSON.
#include "base/detail/json_number.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/check.h"

namespace plinth::json_number {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

size_t skip_digits(std::string_view token, size_t at) {
  while (at < token.size() && is_digit(token[at])) ++at;
  return at;
}

}  // namespace

Kind classify(std::string_view token) {
  const size_t start = !token.empty() && token[0] == '-' ? 1 : 0;
  size_t at = skip_digits(token, start);
  if (at == start || (token[start] == '0' && at > start + 1)) return Kind::none;
  if (at == token.size()) return token == "-0" ? Kind::real : Kind::integer;
  if (token[at] == '.') {
    const size_t fraction = at + 1;
    at = skip_digits(token, fraction);
    if (at == fraction) return Kind::none;
  }
  if (at < token.size() && (token[at] == 'e' || token[at] == 'E')) {
    ++at;
    if (at < token.size() && (token[at] == '+' || token[at] == '-')) ++at;
    const size_t exponent = at;
    at = skip_digits(token, exponent);
    if (at == exponent) return Kind::none;
  }
  return at == token.size() ? Kind::real : Kind::none;
}

std::optional<double> read_real(std::string_view token) {
  double value = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error == std::errc() && std::isfinite(value)) return value;
  if (error != std::errc::result_out_of_range) return std::nullopt;
  // from_chars does not say which way: a number that is too small to tell from zero is zero.
  const size_t exponent = token.find_first_of("eE");
  const bool is_tiny = exponent != std::string_view::npos && exponent + 1 < token.size() &&
                       token[exponent + 1] == '-';
  if (!is_tiny) return std::nullopt;
  return token[0] == '-' ? -0.0 : 0.0;
}

std::string format(double value) {
  CHECK(std::isfinite(value));
  if (value == 0) return std::signbit(value) ? "-0" : "0";
  std::array<char, 32> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                          std::fabs(value), std::chars_format::scientific);
  CHECK(error == std::errc());
  const std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
  const size_t mark = text.find('e');
  std::string digits;
  for (const char c : text.substr(0, mark)) {
    if (c != '.') digits.push_back(c);
  }
  int exponent = 0;
  const size_t exponent_start = mark + (text[mark + 1] == '+' ? 2 : 1);
  std::from_chars(buffer.data() + exponent_start, end, exponent);

  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // the decimal point stands after this many digits
  std::string out = value < 0 ? "-" : "";
  if (point >= count && point <= 21) {
    return out + digits + std::string(static_cast<size_t>(point - count), '0');
  }
  if (point > 0 && point <= 21) {
    return out + digits.substr(0, static_cast<size_t>(point)) + "." +
           digits.substr(static_cast<size_t>(point));
  }
  if (point > -6 && point <= 0) {
    return out + "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  }
  out += digits[0];
  if (count > 1) out += "." + digits.substr(1);
  return out + (exponent < 0 ? "e-" : "e+") + std::to_string(std::abs(exponent));
}

std::optional<int64_t> exact_integer(double value) {
  if (std::fabs(value) > kExactMax || value != std::trunc(value)) return std::nullopt;
  return static_cast<int64_t>(value);
}

}  // namespace plinth::json_number
