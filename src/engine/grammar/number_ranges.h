// SPDX-License-Identifier: Apache-2.0
// Numbers between bounds, digit by digit.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/grammar/grammar.h"

namespace plinth::engine::grammar {

inline constexpr uint32_t kIntegerDigitsMax = 18;   // so that every integer fits 64 bits
inline constexpr uint32_t kFractionDigitsMax = 16;  // and no number goes on for ever

struct Decimal {
  bool is_negative = false;  // never of zero
  std::string integer;       // "0", or without leading zeros
  std::string fraction;      // without trailing zeros
};

// Of a JSON number. Nothing for an exponent beyond 1000.
std::optional<Decimal> read_decimal(std::string_view text);
int compare(const Decimal& a, const Decimal& b);

struct Bound {
  Decimal value;
  bool is_exclusive = false;
};

enum class NumberKind : uint8_t { integer, any };

// Without an exponent, so that the digits decide. An impossible range matches nothing.
ExpressionId add_number_between(Grammar& grammar, NumberKind kind, const std::optional<Bound>& low,
                                const std::optional<Bound>& high);

}  // namespace plinth::engine::grammar
