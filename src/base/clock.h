// SPDX-License-Identifier: Apache-2.0
// The two clocks as a seam: monotonic for waiting and measuring, wall for records. Tests hand in
// ManualClock.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace plinth {

using Duration = std::chrono::nanoseconds;
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

struct WallTime {
  int64_t unix_ms = 0;
  auto operator<=>(const WallTime&) const = default;
  std::string iso8601() const;  // "2026-01-31T12:00:00.123Z"
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime now() const = 0;
  virtual WallTime wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  MonotonicTime now() const override;
  WallTime wall() const override;
};

class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t start_unix_ms = 1'700'000'000'000) : wall_ms_(start_unix_ms) {}
  MonotonicTime now() const override { return MonotonicTime(Duration(nanos_.load())); }
  WallTime wall() const override { return WallTime{wall_ms_.load()}; }
  void advance(Duration by) {
    nanos_ += by.count();
    wall_ms_ += std::chrono::duration_cast<std::chrono::milliseconds>(by).count();
  }

 private:
  std::atomic<int64_t> nanos_{0};
  std::atomic<int64_t> wall_ms_;
};

}  // namespace plinth
