// SPDX-License-Identifier: Apache-2.0
// The table of extension functions and methods, and what the methods do.
#include "guard/policy/extensions.h"

#include <algorithm>
#include <span>

namespace plinth::guard {
namespace {

using Arguments = std::vector<Value>;

constexpr int64_t kDayMs = 86'400'000;

struct Row {
  std::string_view name;
  size_t arguments;  // with the receiver of a method
  Result<Value> (*call)(const Arguments&);
};

Error wrong_type(std::string_view wanted, const Value& got) {
  return make_error(ErrorCode::malformed, "type error: expected " + std::string(wanted) + ", got " +
                                              std::string(got.type_name()));
}

Error overflow(std::string_view where) {
  return make_error(ErrorCode::malformed, std::string(where) + " overflows 64 bits");
}

template <typename T>
Result<T> argument(const Arguments& arguments, size_t index, std::string_view wanted) {
  const T* value = arguments[index].as<T>();
  if (value == nullptr) return wrong_type(wanted, arguments[index]);
  return *value;
}

template <auto parse>
Result<Value> construct(const Arguments& arguments) {
  const std::string text = TRY(argument<std::string>(arguments, 0, "string"));
  return Value(TRY(parse(text)));
}

template <typename Compare>
Result<Value> compare_decimals(const Arguments& arguments) {
  const Decimal a = TRY(argument<Decimal>(arguments, 0, "decimal"));
  const Decimal b = TRY(argument<Decimal>(arguments, 1, "decimal"));
  return Value(Compare{}(a.units, b.units));
}

Result<Value> is_ipv4(const Arguments& arguments) {
  return Value(!TRY(argument<IpRange>(arguments, 0, "ipaddr")).is_v6);
}

Result<Value> is_ipv6(const Arguments& arguments) {
  return Value(TRY(argument<IpRange>(arguments, 0, "ipaddr")).is_v6);
}

Result<Value> is_loopback(const Arguments& arguments) {
  const IpRange ip = TRY(argument<IpRange>(arguments, 0, "ipaddr"));
  const IpRange range = ip.is_v6 ? *parse_ip("::1/128") : *parse_ip("127.0.0.0/8");
  return Value(is_in_range(ip, range));
}

Result<Value> is_multicast(const Arguments& arguments) {
  const IpRange ip = TRY(argument<IpRange>(arguments, 0, "ipaddr"));
  const IpRange range = ip.is_v6 ? *parse_ip("ff00::/8") : *parse_ip("224.0.0.0/4");
  return Value(is_in_range(ip, range));
}

Result<Value> in_range(const Arguments& arguments) {
  const IpRange inner = TRY(argument<IpRange>(arguments, 0, "ipaddr"));
  const IpRange outer = TRY(argument<IpRange>(arguments, 1, "ipaddr"));
  return Value(is_in_range(inner, outer));
}

Result<Value> offset(const Arguments& arguments) {
  const Instant at = TRY(argument<Instant>(arguments, 0, "datetime"));
  const Span by = TRY(argument<Span>(arguments, 1, "duration"));
  int64_t sum = 0;
  if (__builtin_add_overflow(at.unix_ms, by.ms, &sum)) return overflow("offset");
  return Value(Instant{sum});
}

Result<Value> duration_since(const Arguments& arguments) {
  const Instant a = TRY(argument<Instant>(arguments, 0, "datetime"));
  const Instant b = TRY(argument<Instant>(arguments, 1, "datetime"));
  int64_t difference = 0;
  if (__builtin_sub_overflow(a.unix_ms, b.unix_ms, &difference)) return overflow("durationSince");
  return Value(Span{difference});
}

int64_t ms_of_day(int64_t unix_ms) { return ((unix_ms % kDayMs) + kDayMs) % kDayMs; }

Result<Value> to_date(const Arguments& arguments) {
  const Instant at = TRY(argument<Instant>(arguments, 0, "datetime"));
  int64_t day = 0;
  if (__builtin_sub_overflow(at.unix_ms, ms_of_day(at.unix_ms), &day)) return overflow("toDate");
  return Value(Instant{day});
}

Result<Value> to_time(const Arguments& arguments) {
  return Value(Span{ms_of_day(TRY(argument<Instant>(arguments, 0, "datetime")).unix_ms)});
}

template <int64_t unit_ms>
Result<Value> span_in(const Arguments& arguments) {
  return Value(TRY(argument<Span>(arguments, 0, "duration")).ms / unit_ms);
}

constexpr Row kFunctions[] = {
    {"decimal", 1, construct<parse_decimal>},
    {"ip", 1, construct<parse_ip>},
    {"datetime", 1, construct<parse_instant>},
    {"duration", 1, construct<parse_span>},
};

constexpr Row kMethods[] = {
    {"lessThan", 2, compare_decimals<std::less<>>},
    {"lessThanOrEqual", 2, compare_decimals<std::less_equal<>>},
    {"greaterThan", 2, compare_decimals<std::greater<>>},
    {"greaterThanOrEqual", 2, compare_decimals<std::greater_equal<>>},
    {"isIpv4", 1, is_ipv4},
    {"isIpv6", 1, is_ipv6},
    {"isLoopback", 1, is_loopback},
    {"isMulticast", 1, is_multicast},
    {"isInRange", 2, in_range},
    {"offset", 2, offset},
    {"durationSince", 2, duration_since},
    {"toDate", 1, to_date},
    {"toTime", 1, to_time},
    {"toMilliseconds", 1, span_in<1>},
    {"toSeconds", 1, span_in<1'000>},
    {"toMinutes", 1, span_in<60'000>},
    {"toHours", 1, span_in<3'600'000>},
    {"toDays", 1, span_in<kDayMs>},
};

const Row* find_row(std::span<const Row> rows, std::string_view name) {
  const auto row = std::ranges::find(rows, name, &Row::name);
  return row == rows.end() ? nullptr : &*row;
}

Result<Value> call(std::span<const Row> rows, std::string_view name, const Arguments& arguments) {
  const Row* row = find_row(rows, name);
  if (row == nullptr) {
    return make_error(ErrorCode::malformed, "there is no function " + std::string(name));
  }
  if (arguments.size() != row->arguments) {
    return make_error(ErrorCode::malformed, std::string(name) + ": wrong number of arguments");
  }
  return row->call(arguments);
}

}  // namespace

bool is_function(std::string_view name) { return find_row(kFunctions, name) != nullptr; }
bool is_method(std::string_view name) { return find_row(kMethods, name) != nullptr; }

Result<Value> call_function(std::string_view name, const Arguments& arguments) {
  return call(kFunctions, name, arguments);
}

Result<Value> call_method(std::string_view name, const Arguments& arguments) {
  return call(kMethods, name, arguments);
}

}  // namespace plinth::guard
