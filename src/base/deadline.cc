// SPDX-License-Identifier: Apache-2.0
// Arithmetic of deadlines.
#include "base/deadline.h"

#include <algorithm>

namespace plinth {

Duration Deadline::remaining(const Clock& clock) const {
  if (!time_) return Duration::max();
  return std::max(*time_ - clock.now(), Duration::zero());
}

Deadline Deadline::earlier(const Deadline& other) const {
  if (!time_) return other;
  if (!other.time_) return *this;
  return Deadline(std::min(*time_, *other.time_));
}

}  // namespace plinth
