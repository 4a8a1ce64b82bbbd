// SPDX-License-Identifier: Apache-2.0
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

std::string Admission::tenant_of(const std::string& group) {
  return group.substr(0, group.find('/'));
}

bool Admission::has_slot(const Tenant& tenant) const {
  return tenant.running < limits_.running_max &&
         tenant.running < 2 * limits_.running_max - running_;
}

// Fairness serves one call of every waiting tenant for one of this one's.
decisions::AdmitState Admission::state_for(const std::string& tenant,
                                           const decisions::TokenBucket& bucket) const {
  const auto found = tenants_.find(tenant);
  const Tenant own = found == tenants_.end() ? Tenant() : found->second;
  const auto others = std::count_if(tenants_.begin(), tenants_.end(), [&](const auto& entry) {
    return entry.second.waiting > 0 && entry.first != tenant;
  });
  decisions::AdmitState state;
  state.limits = limits_;
  state.running = has_slot(own) ? own.running : std::max(running_, limits_.running_max);
  state.waiting = waiting();
  state.waiting_own = own.waiting;
  state.waiting_ahead =
      std::min<int>(waiting(), own.waiting + static_cast<int>(others) * (own.waiting + 1));
  state.finished_per_s = finished_per_s();
  state.bucket = bucket;
  return state;
}

Offer Admission::offer(const Asking& asking, const decisions::TokenBucket& bucket,
                       std::optional<MonotonicTime> deadline, MonotonicTime now) {
  const std::string tenant = tenant_of(asking.group);
  decisions::AdmitState state = state_for(tenant, bucket);
  if (!asking.is_counted) state.limits.requests_per_second_max = 0;
  Offer offer;
  offer.decision = decisions::admit(state, {deadline}, now);
  if (offer.decision.verdict == decisions::AdmitVerdict::refuse && waiting() >= limits_.queue_max) {
    const auto newest = newest_of_longest(*state.waiting_own + 1);
    if (newest != queue_.end()) {
      --state.waiting;
      auto with_place = decisions::admit(state, {deadline}, now);
      if (with_place.verdict != decisions::AdmitVerdict::refuse) {
        offer.decision = std::move(with_place);
        offer.displaced = take(newest).call;
      }
    }
  }
  if (offer.decision.verdict == decisions::AdmitVerdict::refuse) return offer;
  share_.arrive(asking.group);
  if (offer.decision.verdict == decisions::AdmitVerdict::run) {
    start(asking);
  } else {
    ++tenants_[tenant].waiting;
    queue_.push_back(asking);
  }
  return offer;
}

// Of the tenant with most calls in the queue, if these are more than `more_than`.
std::deque<Asking>::iterator Admission::newest_of_longest(int more_than) {
  const auto longest = std::max_element(
      tenants_.begin(), tenants_.end(),
      [](const auto& a, const auto& b) { return a.second.waiting < b.second.waiting; });
  if (longest == tenants_.end() || longest->second.waiting <= more_than) return queue_.end();
  const auto newest = std::find_if(queue_.rbegin(), queue_.rend(), [&](const Asking& waiting) {
    return tenant_of(waiting.group) == longest->first;
  });
  return std::prev(newest.base());
}

void Admission::start(const Asking& asking) {
  ++running_;
  ++tenants_[tenant_of(asking.group)].running;
  share_.charge(asking.group, asking.cost);
}

// Takes a call out of the queue for good.
Asking Admission::take(std::deque<Asking>::iterator place) {
  Asking asking = std::move(*place);
  queue_.erase(place);
  share_.leave(asking.group);
  const std::string tenant = tenant_of(asking.group);
  --tenants_[tenant].waiting;
  forget_if_idle(tenant);
  return asking;
}

void Admission::forget_if_idle(const std::string& tenant) {
  const auto found = tenants_.find(tenant);
  if (found->second.running == 0 && found->second.waiting == 0) tenants_.erase(found);
}

std::optional<std::string> Admission::next() {
  auto best = queue_.end();
  for (auto place = queue_.begin(); place != queue_.end(); ++place) {
    if (!has_slot(tenants_.at(tenant_of(place->group)))) continue;
    if (best == queue_.end() || share_.is_before(place->group, best->group)) best = place;
  }
  if (best == queue_.end()) return std::nullopt;
  const Asking asking = std::move(*best);
  queue_.erase(best);
  --tenants_[tenant_of(asking.group)].waiting;
  start(asking);
  return asking.call;
}

bool Admission::leave(const std::string& call) {
  const auto found = std::find_if(queue_.begin(), queue_.end(),
                                  [&](const Asking& asking) { return asking.call == call; });
  if (found == queue_.end()) return false;
  take(found);
  return true;
}

void Admission::release(const std::string& group, std::optional<Duration> held, double cost) {
  CHECK(running_ > 0);
  --running_;
  const std::string tenant = tenant_of(group);
  --tenants_[tenant].running;
  forget_if_idle(tenant);
  share_.charge(group, cost);
  share_.leave(group);
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
