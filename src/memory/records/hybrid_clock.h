// SPDX-License-Identifier: Apache-2.0
// A hybrid logical clock: wall time that never runs backwards and never ties within one space, so
// that entries of several origins have one order that respects what each had seen (Kulkarni et al.,
// "Logical Physical Clocks and Consistent Snapshots in Globally Distributed Databases", 2014).
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>

#include "base/clock.h"

namespace plinth::memory {

struct HybridTime {
  int64_t wall_ms = 0;
  int64_t counter = 0;
  auto operator<=>(const HybridTime&) const = default;
};

// Not thread-safe.
class HybridClock {
 public:
  // A time later than every time given out or seen so far.
  HybridTime tick(WallTime now) {
    if (now.unix_ms > last_.wall_ms) {
      last_ = {now.unix_ms, 0};
    } else {
      ++last_.counter;
    }
    return last_;
  }
  void see(const HybridTime& time) { last_ = std::max(last_, time); }

 private:
  HybridTime last_;
};

}  // namespace plinth::memory
