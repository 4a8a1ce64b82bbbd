// SPDX-License-Identifier: Apache-2.0
// Admission: run a request now, let it wait, or refuse it before any work is spent on it. A pure
// function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"

namespace plinth::decisions {

inline constexpr Duration kRetryAfterMin = std::chrono::seconds(1);
inline constexpr Duration kRetryAfterMax = std::chrono::seconds(60);
inline constexpr Duration kRetryAfterUnknown = std::chrono::seconds(5);  // no rate measured yet
// A principal that was silent may send this much of its rate at once.
inline constexpr double kBurstSeconds = 1.0;

// Requests a principal may still send; refilled by time. Starts full.
struct TokenBucket {
  std::optional<double> requests;  // nullopt: never used, full
  MonotonicTime refilled{};
};

struct AdmitLimits {
  int running_max = 1;
  int queue_max = 0;
  Duration queue_wait_max = std::chrono::seconds(30);
  double requests_per_second_max = 0;  // of one principal; 0: no limit
};

struct AdmitState {
  AdmitLimits limits;
  int running = 0;  // that count against limits.running_max
  int waiting = 0;
  // Of those who wait, the asking tenant's, and those who will be served before a newcomer of it;
  // absent: all.
  std::optional<int> waiting_own = {};
  std::optional<int> waiting_ahead = {};
  double finished_per_s = 0;  // measured: requests that leave per second when busy; 0: unknown
  TokenBucket bucket;         // of the asking principal
};

struct AdmitQuery {
  std::optional<MonotonicTime> deadline;
};

enum class AdmitVerdict : uint8_t { run, queue, refuse };

struct AdmitDecision {
  AdmitVerdict verdict = AdmitVerdict::refuse;
  ErrorCode code = ErrorCode::overloaded;  // refuse: overloaded, rate_limited or deadline_exceeded
  Duration retry_after{};                  // refuse: kRetryAfterMin..kRetryAfterMax
  Duration wait_predicted{};               // queue: 0 when no rate is known
  TokenBucket bucket;                      // the principal's bucket after this decision
  std::string reason;                      // one sentence; names the limit
};

// What a principal may send.
struct RateLeft {
  int64_t limit = 0;      // requests at once
  int64_t remaining = 0;  // of these, now
  Duration until_full{};  // until all remain again
};
// nullopt: there is no limit.
std::optional<RateLeft> rate_left(const AdmitLimits& limits, const TokenBucket& bucket,
                                  MonotonicTime now);

AdmitDecision admit(const AdmitState& state, const AdmitQuery& query, MonotonicTime now);

}  // namespace plinth::decisions
