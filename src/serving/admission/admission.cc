// SPDX-License-Identifier: Apache-2.0
// First come, first served, over decisions::admit.
#include "serving/admission/admission.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace plinth::serving {

namespace {
// Weight of the newest call in the mean time a slot is held: about the last ten calls count.
constexpr double kHeldWeight = 0.2;
}  // namespace

decisions::TokenBucket PrincipalBuckets::get(const std::string& principal) const {
  const auto found = buckets_.find(principal);
  return found == buckets_.end() ? decisions::TokenBucket{} : found->second;
}

void PrincipalBuckets::put(const std::string& principal, const decisions::TokenBucket& bucket) {
  if (!bucket.requests) return;
  if (buckets_.size() >= kPrincipalsMax && !buckets_.contains(principal)) forget_one();
  buckets_[principal] = bucket;
}

void PrincipalBuckets::forget_one() {
  // The one refilled longest ago is the fullest relative to its rate: forgetting it gives the least
  // away.
  const auto oldest = std::min_element(
      buckets_.begin(), buckets_.end(),
      [](const auto& a, const auto& b) { return a.second.refilled < b.second.refilled; });
  if (oldest != buckets_.end()) buckets_.erase(oldest);
}

decisions::AdmitDecision Admission::offer(const std::string& call,
                                          const decisions::TokenBucket& bucket,
                                          std::optional<MonotonicTime> deadline,
                                          MonotonicTime now) {
  decisions::AdmitState state;
  state.limits = limits_;
  state.running = running_;
  state.waiting = waiting();
  state.finished_per_s = finished_per_s();
  state.bucket = bucket;
  decisions::AdmitDecision decision = decisions::admit(state, {deadline}, now);
  if (decision.verdict == decisions::AdmitVerdict::run) ++running_;
  if (decision.verdict == decisions::AdmitVerdict::queue) queue_.push_back(call);
  return decision;
}

std::optional<std::string> Admission::next() {
  if (queue_.empty() || running_ >= limits_.running_max) return std::nullopt;
  std::string call = std::move(queue_.front());
  queue_.pop_front();
  ++running_;
  return call;
}

bool Admission::leave(const std::string& call) {
  const auto found = std::find(queue_.begin(), queue_.end(), call);
  if (found == queue_.end()) return false;
  queue_.erase(found);
  return true;
}

void Admission::release(std::optional<Duration> held) {
  CHECK(running_ > 0);
  --running_;
  if (!held) return;
  const double seconds = std::chrono::duration<double>(*held).count();
  held_seconds_mean_ = held_seconds_mean_ > 0
                           ? held_seconds_mean_ + kHeldWeight * (seconds - held_seconds_mean_)
                           : seconds;
}

double Admission::finished_per_s() const {
  constexpr double kHeldSecondsMin = 1e-3;
  if (held_seconds_mean_ <= 0) return 0;
  return static_cast<double>(limits_.running_max) / std::max(held_seconds_mean_, kHeldSecondsMin);
}

}  // namespace plinth::serving
