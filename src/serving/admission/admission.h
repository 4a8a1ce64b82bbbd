// SPDX-License-Identifier: Apache-2.0
// The door of one model: who runs, who waits, in which order. Waiting holds no thread; the owner
// asks next() when a slot is free. The choices are decisions::admit's. Not thread-safe: the owner's
// lock guards it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "decisions/admit.h"

namespace plinth::serving {

// Requests per second of each principal, over all models. Full buckets are forgotten first.
class PrincipalBuckets {
 public:
  static constexpr size_t kPrincipalsMax = 10'000;

  decisions::TokenBucket get(const std::string& principal) const;
  void put(const std::string& principal, const decisions::TokenBucket& bucket);

 private:
  void forget_one();
  std::map<std::string, decisions::TokenBucket> buckets_;
};

class Admission {
 public:
  explicit Admission(const decisions::AdmitLimits& limits) : limits_(limits) {}

  // run: the call has its slot. queue: it stands at the end of the queue. refuse: nothing is kept.
  decisions::AdmitDecision offer(const std::string& call, const decisions::TokenBucket& bucket,
                                 std::optional<MonotonicTime> deadline, MonotonicTime now);
  // The longest waiting call, when a slot is free; it has the slot from now on.
  std::optional<std::string> next();
  // A waiting call gives up. False when it does not wait.
  bool leave(const std::string& call);
  // A call that had a slot gives it back after `held`; refused work (never started) teaches no
  // rate.
  void release(std::optional<Duration> held);

  int running() const { return running_; }
  int waiting() const { return static_cast<int>(queue_.size()); }
  double finished_per_s() const;

 private:
  const decisions::AdmitLimits limits_;
  int running_ = 0;
  std::deque<std::string> queue_;
  double held_seconds_mean_ = 0;  // of one slot; 0: nothing finished yet
};

}  // namespace plinth::serving
