// SPDX-License-Identifier: Apache-2.0
// A recursive-descent evaluator; recursion is bounded by kExpressionDepthMax.
#include "agents/tools/expression.h"

#include <cmath>
#include <vector>

#include "agents/tools/number.h"
#include "base/text.h"

namespace plinth::agents {
namespace {

using Numbers = std::vector<Number>;

constexpr size_t kFunctionArgumentsMax = 64;

Result<Number> absolute(const Numbers& in) {
  return in[0].is_less_than(Number::of(0)) ? in[0].negated() : in[0];
}
Result<Number> floor_of(const Numbers& in) { return in[0].floor(); }
Result<Number> ceil_of(const Numbers& in) { return in[0].negated().floor().negated(); }
Result<Number> round_of(const Numbers& in) {
  const Number half = MUST(Number::parse("0.5"), "a literal");
  const bool is_negative = in[0].is_less_than(Number::of(0));
  const Number size = is_negative ? in[0].negated() : in[0];
  const Number rounded = size.plus(half).floor();
  return is_negative ? rounded.negated() : rounded;
}
Result<Number> root_of(const Numbers& in) {
  if (in[0].is_less_than(Number::of(0))) {
    return make_error(ErrorCode::invalid_argument, "square root of a negative number");
  }
  const long double root = std::sqrt(in[0].as_float());
  const auto whole = static_cast<long long>(root < 1e15L ? std::llround(root) : 0);
  const Number candidate = Number::of(whole);
  const Number square = candidate.times(candidate);
  const bool is_perfect =
      in[0].is_integer() && square.is_integer() && square.numerator() == in[0].numerator();
  return is_perfect ? candidate : Number::of_float(root);
}
Result<Number> least(const Numbers& in) {
  Number best = in[0];
  for (const auto& number : in) {
    if (number.is_less_than(best)) best = number;
  }
  return best;
}
Result<Number> greatest(const Numbers& in) {
  Number best = in[0];
  for (const auto& number : in) {
    if (best.is_less_than(number)) best = number;
  }
  return best;
}

struct FunctionRow {
  std::string_view name;
  size_t arguments_max;
  Result<Number> (*apply)(const Numbers&);
};
constexpr FunctionRow kFunctions[] = {
    {"abs", 1, absolute},
    {"ceil", 1, ceil_of},
    {"floor", 1, floor_of},
    {"round", 1, round_of},
    {"sqrt", 1, root_of},
    {"max", kFunctionArgumentsMax, greatest},
    {"min", kFunctionArgumentsMax, least},
};

Result<Number> divide(const Number& left, const Number& right) {
  if (right.is_zero()) return make_error(ErrorCode::invalid_argument, "division by zero");
  return left.times(right.inverse());
}

Result<Number> power_of(const Number& base, const Number& exponent) {
  const bool is_small = exponent.is_integer() && exponent.numerator() <= kExponentMax &&
                        exponent.numerator() >= -kExponentMax;
  if (!is_small || !base.is_exact()) {
    const long double value = std::pow(base.as_float(), exponent.as_float());
    if (std::isnan(value)) {
      return make_error(ErrorCode::invalid_argument, "the power has no real value");
    }
    return Number::of_float(value);
  }
  auto left = static_cast<long>(exponent.numerator());
  const bool is_inverse = left < 0;
  if (is_inverse && base.is_zero()) {
    return make_error(ErrorCode::invalid_argument, "division by zero");
  }
  if (is_inverse) left = -left;
  Number result = Number::of(1);
  Number square = base;
  while (left > 0) {
    if (left & 1) result = result.times(square);
    left >>= 1;
    if (left > 0) square = square.times(square);
  }
  return is_inverse ? divide(Number::of(1), result) : Result<Number>(result);
}

class Evaluator {
 public:
  explicit Evaluator(std::string_view text) : text_(text) {}

  Result<Number> run() {
    const Number value = TRY(sum());
    skip_space();
    if (at_ != text_.size()) return fault("expected an operator or the end");
    return value;
  }

 private:
  Error fault(std::string_view what) const {
    return make_error(ErrorCode::malformed, std::string(what) + " at character " +
                                                std::to_string(at_ + 1) + " of '" +
                                                shorten(text_, 80) + "'");
  }

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  char peek() {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool take(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }

  Result<Number> sum() {
    Number value = TRY(product());
    while (true) {
      if (take('+')) {
        value = value.plus(TRY(product()));
      } else if (take('-')) {
        value = value.plus(TRY(product()).negated());
      } else {
        return value;
      }
    }
  }

  Result<Number> product() {
    Number value = TRY(unary());
    while (true) {
      if (take('*')) {
        value = value.times(TRY(unary()));
      } else if (take('/')) {
        const Number right = TRY(unary());
        value = TRY(divide(value, right));
      } else if (take('%')) {
        const Number right = TRY(unary());
        const Number quotient = TRY(divide(value, right));
        value = value.plus(right.times(quotient.floor()).negated());
      } else {
        return value;
      }
    }
  }

  Result<Number> unary() {
    if (depth_ >= kExpressionDepthMax) return fault("nested too deeply");
    ++depth_;
    const bool is_negative = take('-');
    const bool is_signed = is_negative || take('+');
    Result<Number> value = is_signed ? unary() : power();
    --depth_;
    if (value.is_ok() && is_negative) return value->negated();
    return value;
  }

  Result<Number> power() {
    const Number base = TRY(atom());
    if (!take('^')) return base;
    return power_of(base, TRY(unary()));
  }

  Result<Number> atom() {
    if (take('(')) {
      const Number value = TRY(sum());
      if (!take(')')) return fault("expected ')'");
      return value;
    }
    const char first = peek();
    if ((first >= '0' && first <= '9') || first == '.') return number();
    if ((first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z')) return call();
    return fault("expected a number");
  }

  Result<Number> number() {
    const size_t start = at_;
    while (at_ < text_.size() && ((text_[at_] >= '0' && text_[at_] <= '9') || text_[at_] == '.')) {
      ++at_;
    }
    return Number::parse(text_.substr(start, at_ - start));
  }

  Result<Number> call() {
    const size_t start = at_;
    while (at_ < text_.size() &&
           ((text_[at_] >= 'a' && text_[at_] <= 'z') || (text_[at_] >= 'A' && text_[at_] <= 'Z'))) {
      ++at_;
    }
    const std::string name = lower_ascii(text_.substr(start, at_ - start));
    for (const auto& row : kFunctions) {
      if (row.name == name) return arguments_of(row);
    }
    at_ = start;
    return fault("unknown function '" + shorten(name, 32) + "'");
  }

  Result<Number> arguments_of(const FunctionRow& row) {
    if (!take('(')) return fault("expected '('");
    Numbers arguments;
    do {
      if (arguments.size() >= row.arguments_max) return fault("too many arguments");
      arguments.push_back(TRY(sum()));
    } while (take(','));
    if (!take(')')) return fault("expected ')'");
    return row.apply(arguments);
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<std::string> calculate(std::string_view expression) {
  if (expression.size() > kExpressionBytesMax) {
    return make_error(
        ErrorCode::too_large,
        "the expression is longer than " + std::to_string(kExpressionBytesMax) + " characters");
  }
  return TRY(Evaluator(expression).run()).to_text();
}

}  // namespace plinth::agents
