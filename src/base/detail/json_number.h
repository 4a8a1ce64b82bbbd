// SPDX-License-Identifier: Apache-2.0
// JSON's number grammar, and the text of a double as JavaScript writes it. Private to the Json
// reader and writer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace plinth::json_number {

// Doubles hold every integer up to this bound exactly; past it, numbers are compared by their text.
inline constexpr double kExactMax = 9007199254740992.0;  // 2^53

enum class Kind { none, integer, real };

// What `token` is by RFC 8259, section 6. `-0` is real: no integer can hold its sign.
Kind classify(std::string_view token);
// Value of a token that classify accepts; nullopt when it is too large for a double.
std::optional<double> read_real(std::string_view token);
// Shortest text that reads back to the same double, laid out by ECMA-262, Number::toString. `value`
// is finite.
std::string format(double value);
// The integer a double is equal to, when there is one of at most kExactMax.
std::optional<int64_t> exact_integer(double value);

}  // namespace plinth::json_number
