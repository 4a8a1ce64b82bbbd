// SPDX-License-Identifier: Apache-2.0
// Sizes and spans of time: one table of units each, read and written.
#include "base/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <span>

#include "base/text.h"

namespace plinth {
namespace {

struct Unit {
  std::string_view name;  // lower case
  uint64_t factor;
};

constexpr std::array kByteUnits{
    Unit{"b", 1},           Unit{"kb", 1'000},         Unit{"mb", 1'000'000},
    Unit{"gb", 1000000000}, Unit{"tb", 1000000000000}, Unit{"kib", 1u << 10},
    Unit{"mib", 1u << 20},  Unit{"gib", 1u << 30},     Unit{"tib", 1ull << 40},
};

constexpr std::array kTimeUnits{
    Unit{"ns", 1},
    Unit{"us", 1'000},
    Unit{"ms", 1'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"min", 60'000'000'000},
    Unit{"h", 3'600'000'000'000},
    Unit{"d", 86'400'000'000'000},
};

Error refusal(std::string_view text, std::string_view expected) {
  return make_error(ErrorCode::invalid_argument,
                    "'" + shorten(text, 64) + "': expected " + std::string(expected));
}

// A decimal number, an optional space, a unit; bounded by int64 so that both callers can hold the
// answer.
Result<uint64_t> parse_amount(std::string_view text, std::span<const Unit> units,
                              std::string_view expected) {
  const std::string lower = lower_ascii(text);
  const char* const begin = lower.data();
  const char* const end = begin + lower.size();
  const size_t number_size = std::min(lower.find_first_not_of("0123456789."), lower.size());
  const std::string_view suffix = trim(std::string_view(lower).substr(number_size));
  const auto unit = std::find_if(units.begin(), units.end(),
                                 [&](const Unit& candidate) { return candidate.name == suffix; });
  if (unit == units.end() || end == begin) return refusal(text, expected);

  uint64_t whole = 0;
  const auto integer = std::from_chars(begin, begin + number_size, whole);
  if (integer.ec == std::errc() && integer.ptr == begin + number_size) {
    if (whole > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / unit->factor) {
      return refusal(text, "an amount below 2^63");
    }
    return whole * unit->factor;
  }
  double number = 0;
  const auto real = std::from_chars(begin, begin + number_size, number, std::chars_format::fixed);
  if (real.ec != std::errc() || real.ptr != begin + number_size) return refusal(text, expected);
  const double amount = number * static_cast<double>(unit->factor);
  if (!(amount < 0x1.0p63)) return refusal(text, "an amount below 2^63");
  return static_cast<uint64_t>(std::llround(amount));
}

// At most one decimal, none when it would be zero.
std::string with_unit(double amount, std::string_view unit) {
  std::array<char, 48> buffer;
  const bool is_whole = std::round(amount * 10) == std::round(amount) * 10;
  const int length =
      std::snprintf(buffer.data(), buffer.size(), is_whole ? "%.0f " : "%.1f ", amount);
  return std::string(buffer.data(), static_cast<size_t>(length)).append(unit);
}

}  // namespace

Result<uint64_t> parse_bytes(std::string_view text) {
  constexpr std::string_view kExpected =
      "a size such as 512MiB, 2GB or 100B (units B KB MB GB TB KiB MiB GiB TiB)";
  const bool is_bare =
      !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  return parse_amount(is_bare ? std::string(text) + "B" : std::string(text), kByteUnits, kExpected);
}

Result<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration::zero();
  const uint64_t nanos = TRY(parse_amount(
      text, kTimeUnits, "a span of time such as 1500ms, 30s or 5min (units ns us ms s min h d)"));
  return Duration(static_cast<int64_t>(nanos));
}

std::string format_bytes(uint64_t bytes) {
  constexpr std::array<std::string_view, 7> kNames{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double amount = static_cast<double>(bytes);
  size_t unit = 0;
  // 1023.96 KiB would print as 1024.0 KiB.
  while (amount >= 1023.95 && unit + 1 < kNames.size()) {
    amount /= 1024;
    ++unit;
  }
  if (unit == 0) return std::to_string(bytes) + " B";
  return with_unit(amount, kNames[unit]);
}

std::string format_duration(Duration span) {
  const double nanos = static_cast<double>(span.count());
  const double size = std::fabs(nanos);
  if (size < 1e3) return with_unit(nanos, "ns");
  if (size < 999.95e3) return with_unit(nanos / 1e3, "us");
  if (size < 999.95e6) return with_unit(nanos / 1e6, "ms");
  if (size < 59.95e9) return with_unit(nanos / 1e9, "s");
  if (size < 59.95 * 60e9) return with_unit(nanos / 60e9, "min");
  return with_unit(nanos / 3600e9, "h");
}

int64_t to_ms(Duration span) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
}

}  // namespace plinth
