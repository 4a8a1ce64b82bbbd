// SPDX-License-Identifier: Apache-2.0
// Every exact operation checks for overflow and falls back to long double arithmetic.
#include "agents/tools/number.h"

#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace plinth::agents {
namespace {

using Wide = Number::Wide;

constexpr size_t kExactDigitsMax = 36;  // 10^36 fits 127 bits with room to spare
constexpr int kShownDigits = 15;

Wide greatest_common_divisor(Wide a, Wide b) {
  while (b != 0) {
    const Wide rest = a % b;
    a = b;
    b = rest;
  }
  return a < 0 ? -a : a;
}

std::string wide_text(Wide value) {
  if (value == 0) return "0";
  const bool is_negative = value < 0;
  std::string text;
  while (value != 0) {
    const int digit = static_cast<int>(value % 10);
    text.insert(text.begin(), static_cast<char>('0' + (digit < 0 ? -digit : digit)));
    value /= 10;
  }
  return is_negative ? "-" + text : text;
}

std::string without_trailing_zeros(std::string text) {
  if (text.find('.') == std::string::npos || text.find('e') != std::string::npos) return text;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

}  // namespace

Number Number::of(Wide integer) {
  Number number;
  number.numerator_ = integer;
  return number;
}

Number Number::of_float(long double value) {
  Number number;
  number.is_exact_ = false;
  number.float_ = value;
  return number;
}

Number Number::reduced(Wide numerator, Wide denominator) {
  const Wide divisor = greatest_common_divisor(numerator, denominator);
  Number number;
  number.numerator_ = divisor > 1 ? numerator / divisor : numerator;
  number.denominator_ = divisor > 1 ? denominator / divisor : denominator;
  return number;
}

Result<Number> Number::parse(std::string_view digits) {
  Wide numerator = 0;
  Wide denominator = 1;
  size_t seen = 0;
  bool is_after_point = false;
  long double approximate = 0;
  long double scale = 1;
  for (const char c : digits) {
    if (c == '.') {
      if (is_after_point) {
        return make_error(ErrorCode::malformed,
                          "'" + shorten(digits, 64) + "' has two decimal points");
      }
      is_after_point = true;
      continue;
    }
    if (c < '0' || c > '9') {
      return make_error(ErrorCode::malformed, "'" + shorten(digits, 64) + "' is not a number");
    }
    seen += 1;
    approximate = approximate * 10 + static_cast<long double>(c - '0');
    if (is_after_point) scale *= 10;
    if (seen <= kExactDigitsMax) {
      numerator = numerator * 10 + (c - '0');
      if (is_after_point) denominator *= 10;
    }
  }
  if (seen == 0) {
    return make_error(ErrorCode::malformed, "'" + shorten(digits, 64) + "' is not a number");
  }
  if (seen > kExactDigitsMax) return of_float(approximate / scale);
  return reduced(numerator, denominator);
}

bool Number::is_zero() const { return is_exact_ ? numerator_ == 0 : float_ == 0; }

long double Number::as_float() const {
  if (!is_exact_) return float_;
  return static_cast<long double>(numerator_) / static_cast<long double>(denominator_);
}

Number Number::negated() const {
  Wide negative = 0;
  if (!is_exact_ || __builtin_sub_overflow(Wide{0}, numerator_, &negative)) {
    return of_float(-as_float());
  }
  Number number = *this;
  number.numerator_ = negative;
  return number;
}

Number Number::plus(const Number& other) const {
  Wide left = 0;
  Wide right = 0;
  Wide numerator = 0;
  Wide denominator = 0;
  if (!is_exact_ || !other.is_exact_ ||
      __builtin_mul_overflow(numerator_, other.denominator_, &left) ||
      __builtin_mul_overflow(other.numerator_, denominator_, &right) ||
      __builtin_add_overflow(left, right, &numerator) ||
      __builtin_mul_overflow(denominator_, other.denominator_, &denominator)) {
    return of_float(as_float() + other.as_float());
  }
  return reduced(numerator, denominator);
}

Number Number::times(const Number& other) const {
  Wide numerator = 0;
  Wide denominator = 0;
  if (!is_exact_ || !other.is_exact_ ||
      __builtin_mul_overflow(numerator_, other.numerator_, &numerator) ||
      __builtin_mul_overflow(denominator_, other.denominator_, &denominator)) {
    return of_float(as_float() * other.as_float());
  }
  return reduced(numerator, denominator);
}

Number Number::inverse() const {
  Wide negative = 0;
  if (!is_exact_ || numerator_ == 0) return of_float(1 / as_float());
  Number number;
  if (numerator_ > 0) {
    number.numerator_ = denominator_;
    number.denominator_ = numerator_;
    return number;
  }
  if (__builtin_sub_overflow(Wide{0}, numerator_, &negative)) return of_float(1 / as_float());
  number.numerator_ = -denominator_;
  number.denominator_ = negative;
  return number;
}

Number Number::floor() const {
  if (!is_exact_) return of_float(std::floor(float_));
  Wide whole = numerator_ / denominator_;
  if (numerator_ % denominator_ < 0) whole -= 1;
  return of(whole);
}

bool Number::is_less_than(const Number& other) const {
  Wide left = 0;
  Wide right = 0;
  if (!is_exact_ || !other.is_exact_ ||
      __builtin_mul_overflow(numerator_, other.denominator_, &left) ||
      __builtin_mul_overflow(other.numerator_, denominator_, &right)) {
    return as_float() < other.as_float();
  }
  return left < right;
}

Result<std::string> Number::to_text() const {
  if (is_integer()) return wide_text(numerator_);
  const long double value = as_float();
  if (!std::isfinite(value)) {
    return make_error(ErrorCode::invalid_argument, "the result is too large");
  }
  const long double size = std::fabs(value);
  char buffer[128];
  if (size != 0 && (size >= 1e15L || size < 1e-6L)) {
    std::snprintf(buffer, sizeof buffer, "%.*Lg", kShownDigits, value);
    return std::string(buffer);
  }
  const int whole_digits = size < 1 ? 1 : static_cast<int>(std::log10(size)) + 1;
  std::snprintf(buffer, sizeof buffer, "%.*Lf", kShownDigits - whole_digits, value);
  return without_trailing_zeros(buffer);
}

}  // namespace plinth::agents
