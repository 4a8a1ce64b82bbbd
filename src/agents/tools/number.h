// SPDX-License-Identifier: Apache-2.0
// Number: an exact fraction of two 128-bit integers for as long as it fits, then a long double.
// Sums of money and decimals come out as people expect them (0.1 + 0.2 is 0.3).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace plinth::agents {

class Number {
 public:
  __extension__ typedef __int128 Wide;

  Number() = default;  // 0
  static Number of(Wide integer);
  static Number of_float(long double value);
  // Digits with at most one point, as "12", "0.5", ".5" or "12.".
  static Result<Number> parse(std::string_view digits);

  bool is_exact() const { return is_exact_; }
  bool is_integer() const { return is_exact_ && denominator_ == 1; }
  bool is_zero() const;
  long double as_float() const;
  Wide numerator() const { return numerator_; }      // valid when exact
  Wide denominator() const { return denominator_; }  // > 0

  Number negated() const;
  Number plus(const Number& other) const;
  Number times(const Number& other) const;
  Number inverse() const;  // of a number that is not zero
  Number floor() const;
  bool is_less_than(const Number& other) const;

  // Integers without a point; otherwise at most 15 significant digits. Error: not finite.
  Result<std::string> to_text() const;

 private:
  static Number reduced(Wide numerator, Wide denominator);

  bool is_exact_ = true;
  Wide numerator_ = 0;
  Wide denominator_ = 1;
  long double float_ = 0;
};

}  // namespace plinth::agents
