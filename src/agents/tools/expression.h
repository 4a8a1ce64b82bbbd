// SPDX-License-Identifier: Apache-2.0
// The calculate tool's language: + - * / % ^, parentheses, unary minus, decimals, and the functions
// of kFunctions. Grammar, loosest first:
//   sum     = product { (+|-) product }
//   product = unary { (*|/|%) unary }
//   unary   = [+|-] unary | power
//   power   = atom [ ^ unary ]            (right to left: 2^3^2 is 2^9, -2^2 is -4)
//   atom    = number | name ( sum { , sum } ) | ( sum )
// a % b is a - b * floor(a / b), so that it has the sign of b.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace plinth::agents {

inline constexpr size_t kExpressionBytesMax = 4096;
inline constexpr int kExpressionDepthMax = 64;
inline constexpr long kExponentMax = 4096;  // beyond it powers are computed in floating point

// Errors: malformed (names the place), invalid_argument (division by zero, result too large),
// too_large.
Result<std::string> calculate(std::string_view expression);

}  // namespace plinth::agents
