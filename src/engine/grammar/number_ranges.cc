// SPDX-License-Identifier: Apache-2.0
#include "engine/grammar/number_ranges.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

namespace plinth::engine::grammar {
namespace {

// Numbers that are not below zero. A digit that equals the bound's leaves the number tight against
// it; the first that differs sets it free.
class RangeBuilder {
 public:
  RangeBuilder(Grammar& grammar, NumberKind kind, Bound low, std::optional<Bound> high)
      : grammar_(grammar), kind_(kind), low_(std::move(low)), high_(std::move(high)) {}

  ExpressionId build() {
    const size_t low_size = low_.value.integer.size();
    size_t most = kIntegerDigitsMax;
    if (high_) most = std::min(most, high_->value.integer.size());
    std::vector<ExpressionId> parts;
    for (size_ = low_size; size_ <= most; ++size_) {
      known_.clear();
      const bool is_high = high_ && high_->value.integer.size() == size_;
      parts.push_back(integer(0, {size_ == low_size, is_high}));
    }
    return grammar_.choice(std::move(parts));
  }

 private:
  struct Tight {
    bool low = false;
    bool high = false;
    bool is_free() const { return !low && !high; }
  };

  ExpressionId digits(uint32_t least, uint32_t most) {
    return grammar_.repeat(grammar_.characters({{'0', '9'}}), least, most);
  }

  // One digit within the bounds' digits, then what `rest` makes of the tightness that is left.
  template <typename Rest>
  ExpressionId digit(char low, char high, Tight tight, char least, const Rest& rest) {
    std::vector<ExpressionId> parts;
    const char first = tight.low ? std::max(low, least) : least;
    const char last = tight.high ? high : '9';
    for (char at = first; at <= last; ++at) {
      const Tight next{tight.low && at == low, tight.high && at == high};
      char end = at;  // free digits are one class
      while (next.is_free() && end < last && !(tight.high && end + 1 == high)) ++end;
      const uint32_t from = static_cast<unsigned char>(at);
      const ExpressionId one = grammar_.characters({{from, static_cast<unsigned char>(end)}});
      parts.push_back(grammar_.sequence({one, rest(next)}));
      at = end;
    }
    return grammar_.choice(std::move(parts));
  }

  ExpressionId integer(size_t at, Tight tight) {
    if (at == size_) return end_of_integer(tight);
    const auto key = std::tuple(at, tight.low, tight.high);
    if (const auto found = known_.find(key); found != known_.end()) return found->second;
    ExpressionId made = 0;
    if (tight.is_free() && at > 0) {
      const auto left = static_cast<uint32_t>(size_ - at);
      made = grammar_.sequence({digits(left, left), end_of_integer(tight)});
    } else {
      const char least = at == 0 && size_ > 1 ? '1' : '0';
      made = digit(tight.low ? low_.value.integer[at] : '0',
                   tight.high ? high_->value.integer[at] : '9', tight, least,
                   [&](Tight next) { return integer(at + 1, next); });
    }
    known_.emplace(key, made);
    return made;
  }

  ExpressionId end_of_integer(Tight tight) {
    std::vector<ExpressionId> parts;
    if (may_stop(0, tight)) parts.push_back(grammar_.sequence({}));
    if (kind_ == NumberKind::any) {
      parts.push_back(grammar_.sequence({grammar_.bytes("."), fraction(0, tight)}));
    }
    return grammar_.choice(std::move(parts));
  }

  // At least one more digit behind the point.
  ExpressionId fraction(size_t at, Tight tight) {
    const auto left = kFractionDigitsMax - static_cast<uint32_t>(at);
    if (tight.is_free()) return digits(1, left);
    const auto of = [&](const std::string& text) { return at < text.size() ? text[at] : '0'; };
    return digit(tight.low ? of(low_.value.fraction) : '0',
                 tight.high ? of(high_->value.fraction) : '9', tight, '0', [&](Tight next) {
                   std::vector<ExpressionId> parts;
                   if (may_stop(at + 1, next)) parts.push_back(grammar_.sequence({}));
                   if (left > 1) parts.push_back(fraction(at + 1, next));
                   return grammar_.choice(std::move(parts));
                 });
  }

  // Whether the number is within the bounds if only zeros followed the fraction's first digits.
  bool may_stop(size_t fraction_digits, Tight tight) const {
    if (tight.low && (fraction_digits < low_.value.fraction.size() || low_.is_exclusive)) {
      return false;
    }
    return !tight.high || fraction_digits < high_->value.fraction.size() || !high_->is_exclusive;
  }

  Grammar& grammar_;
  NumberKind kind_;
  Bound low_;
  std::optional<Bound> high_;
  size_t size_ = 0;  // digits before the point
  std::map<std::tuple<size_t, bool, bool>, ExpressionId> known_;
};

Bound negated(Bound bound) {
  bound.value.is_negative = false;
  return bound;
}

}  // namespace

std::optional<Decimal> read_decimal(std::string_view text) {
  constexpr int kExponentMax = 1000;
  Decimal made;
  made.is_negative = text.starts_with('-');
  if (made.is_negative) text.remove_prefix(1);
  int exponent = 0;
  if (const size_t at = text.find_first_of("eE"); at != std::string_view::npos) {
    std::string_view digits = text.substr(at + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto [end, problem] =
        std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (problem != std::errc() || std::abs(exponent) > kExponentMax) return std::nullopt;
    text = text.substr(0, at);
  }
  const size_t point = text.find('.');
  std::string digits(text.substr(0, point));
  auto scale = static_cast<ptrdiff_t>(digits.size()) + exponent;  // digits before the point
  if (point != std::string_view::npos) digits += text.substr(point + 1);
  if (scale < 0) digits.insert(0, static_cast<size_t>(-scale), '0');
  scale = std::max<ptrdiff_t>(scale, 0);
  if (digits.size() < static_cast<size_t>(scale)) digits.resize(static_cast<size_t>(scale), '0');
  made.integer = digits.substr(0, static_cast<size_t>(scale));
  made.fraction = digits.substr(static_cast<size_t>(scale));
  made.integer.erase(0, std::min(made.integer.find_first_not_of('0'), made.integer.size()));
  if (made.integer.empty()) made.integer = "0";
  made.fraction.erase(made.fraction.find_last_not_of('0') + 1);
  if (made.integer == "0" && made.fraction.empty()) made.is_negative = false;
  return made;
}

int compare(const Decimal& a, const Decimal& b) {
  if (a.is_negative != b.is_negative) return a.is_negative ? -1 : 1;
  const auto sign = [](bool is_less) { return is_less ? -1 : 1; };
  int order = 0;
  if (a.integer.size() != b.integer.size()) {
    order = sign(a.integer.size() < b.integer.size());
  } else if (a.integer != b.integer) {
    order = sign(a.integer < b.integer);
  } else if (a.fraction != b.fraction) {
    order = sign(a.fraction < b.fraction);
  }
  return a.is_negative ? -order : order;
}

ExpressionId add_number_between(Grammar& grammar, NumberKind kind, const std::optional<Bound>& low,
                                const std::optional<Bound>& high) {
  const Bound zero{{false, "0", ""}, false};
  std::vector<ExpressionId> parts;
  if (!high || !high->value.is_negative) {
    const bool is_bounded = low && !low->value.is_negative;
    parts.push_back(RangeBuilder(grammar, kind, is_bounded ? *low : zero, high).build());
  }
  if (!low || low->value.is_negative) {
    // -v, with v between the bounds' negatives, and above zero.
    Bound least = zero;
    least.is_exclusive = true;
    if (high && high->value.is_negative) least = negated(*high);
    const std::optional<Bound> most = low ? std::optional(negated(*low)) : std::nullopt;
    const ExpressionId value = RangeBuilder(grammar, kind, least, most).build();
    parts.push_back(grammar.sequence({grammar.bytes("-"), value}));
  }
  return grammar.choice(std::move(parts));
}

}  // namespace plinth::engine::grammar
