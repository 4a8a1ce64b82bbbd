// SPDX-License-Identifier: Apache-2.0
// The door of one model: who runs, who waits, in which order. Waiting holds no thread; the owner
// asks next() when a slot is free. The choices are decisions::admit's and FairShare's. Not
// thread-safe: the owner's lock guards it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "decisions/admit.h"
#include "decisions/fair_share.h"

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

// Who asks: "tenant/principal", and what its prompt costs in weighted tokens.
struct Asking {
  std::string call;
  std::string group;
  double cost = 0;
  bool is_counted = true;  // for the principal's rate
};

struct Offer {
  decisions::AdmitDecision decision;
  // A waiting call that lost its place to this one; it has left the queue and is to be refused.
  std::optional<std::string> displaced;
};

// Slots: one tenant has running_max at most, and no more than are left free of twice as many, so
// that a tenant that takes all it can get leaves as much to others. Those who wait are served
// fairly (decisions::FairShare): between tenants, and between the principals of each. In a full
// queue a newcomer takes the place of the newest call of the tenant that has most of them waiting.
class Admission {
 public:
  explicit Admission(const decisions::AdmitLimits& limits) : limits_(limits) {}

  // run: the call has its slot. queue: it waits. refuse: nothing is kept.
  Offer offer(const Asking& asking, const decisions::TokenBucket& bucket,
              std::optional<MonotonicTime> deadline, MonotonicTime now);
  // The waiting call that is next, when a slot is free for it; it has the slot from now on.
  std::optional<std::string> next();
  // A waiting call gives up. False when it does not wait.
  bool leave(const std::string& call);
  // A call of the group that had a slot gives it back after `held`; refused work (never started)
  // teaches no rate. `cost`: of the tokens it was served besides its prompt.
  void release(const std::string& group, std::optional<Duration> held, double cost = 0);

  int running() const { return running_; }
  int waiting() const { return static_cast<int>(queue_.size()); }
  double finished_per_s() const;

 private:
  struct Tenant {
    int running = 0;
    int waiting = 0;
  };
  static std::string tenant_of(const std::string& group);
  bool has_slot(const Tenant& tenant) const;
  decisions::AdmitState state_for(const std::string& tenant,
                                  const decisions::TokenBucket& bucket) const;
  std::deque<Asking>::iterator newest_of_longest(int more_than);
  void start(const Asking& asking);
  void forget_if_idle(const std::string& tenant);
  Asking take(std::deque<Asking>::iterator place);

  const decisions::AdmitLimits limits_;
  int running_ = 0;
  std::map<std::string, Tenant> tenants_;
  std::deque<Asking> queue_;  // in the order they came
  decisions::FairShare share_;
  double held_seconds_mean_ = 0;  // of one slot; 0: nothing finished yet
};

}  // namespace plinth::serving
