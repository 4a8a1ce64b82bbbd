// SPDX-License-Identifier: Apache-2.0
// The extension types of the policy language: decimal, ip, datetime, duration; their functions and
// methods.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/policy/value.h"

namespace plinth::guard {

bool is_function(std::string_view name);  // decimal, ip, datetime, duration
bool is_method(std::string_view name);    // isInRange, lessThan, toDate, … (not those of sets)

// Errors: malformed names the function and what its argument must be.
Result<Value> call_function(std::string_view name, const std::vector<Value>& arguments);
// arguments[0] is the value the method is called on.
Result<Value> call_method(std::string_view name, const std::vector<Value>& arguments);

// The readers behind the functions.
Result<Decimal> parse_decimal(std::string_view text);  // "12.3456"
Result<IpRange> parse_ip(std::string_view text);       // "10.0.0.0/8", "::1"
Result<Instant> parse_instant(std::string_view text);  // "2026-01-31T12:00:00.123Z"
Result<Span> parse_span(std::string_view text);        // "1d2h3m4s5ms"

bool is_in_range(const IpRange& inner, const IpRange& outer);

}  // namespace plinth::guard
