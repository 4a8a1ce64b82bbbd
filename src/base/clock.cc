// SPDX-License-Identifier: Apache-2.0
// The system's clocks, and the one text form of a wall time.
#include "base/clock.h"

#include <algorithm>
#include <cstdio>

namespace plinth {
namespace {

constexpr int64_t kYear0Ms = -62'167'219'200'000;     // 0000-01-01T00:00:00.000Z
constexpr int64_t kYear9999Ms = 253'402'300'799'999;  // 9999-12-31T23:59:59.999Z

}  // namespace

// Times outside the years 0 to 9999, which four digits cannot show, are written as the nearest one
// inside.
std::string WallTime::iso8601() const {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(std::clamp(unix_ms, kYear0Ms, kYear9999Ms))};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss<milliseconds> clock{time - day};
  char text[64];
  const int length = std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return std::string(text, static_cast<size_t>(length));
}

MonotonicTime SystemClock::now() const {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

WallTime SystemClock::wall() const {
  using namespace std::chrono;
  return WallTime{floor<milliseconds>(system_clock::now().time_since_epoch()).count()};
}

}  // namespace plinth
