// SPDX-License-Identifier: Apache-2.0
// The order of the questions: the principal's rate, a free slot, room in the queue, time enough to
// wait.
#include "decisions/admit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/units.h"

namespace plinth::decisions {

namespace {

Duration seconds(double value) {
  const double limit = std::chrono::duration<double>(std::chrono::hours(24)).count();
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(std::clamp(value, 0.0, limit)));
}

Duration clamp_retry(Duration wait) { return std::clamp(wait, kRetryAfterMin, kRetryAfterMax); }

double full_bucket(double rate) { return std::max(1.0, rate * kBurstSeconds); }

TokenBucket refill(const TokenBucket& bucket, double rate, MonotonicTime now) {
  const double full = full_bucket(rate);
  if (!bucket.requests) return {full, now};
  const double elapsed = std::chrono::duration<double>(now - bucket.refilled).count();
  return {std::min(full, *bucket.requests + std::max(elapsed, 0.0) * rate), now};
}

AdmitDecision refuse(ErrorCode code, Duration retry_after, TokenBucket bucket, std::string reason) {
  AdmitDecision decision;
  decision.code = code;
  decision.retry_after = clamp_retry(retry_after);
  decision.bucket = bucket;
  decision.reason = std::move(reason);
  return decision;
}

// Time until everybody ahead has started and one more slot is free.
Duration predict_wait(const AdmitState& state) {
  if (state.finished_per_s <= 0) return Duration::zero();
  const int ahead = state.waiting_ahead.value_or(state.waiting);
  return seconds(static_cast<double>(ahead + 1) / state.finished_per_s);
}

Duration retry_when_full(const AdmitState& state) {
  return state.finished_per_s > 0 ? predict_wait(state) : kRetryAfterUnknown;
}

}  // namespace

std::optional<RateLeft> rate_left(const AdmitLimits& limits, const TokenBucket& bucket,
                                  MonotonicTime now) {
  const double rate = limits.requests_per_second_max;
  if (rate <= 0) return std::nullopt;
  const double left = *refill(bucket, rate, now).requests;
  return RateLeft{static_cast<int64_t>(full_bucket(rate)), static_cast<int64_t>(left),
                  seconds((full_bucket(rate) - left) / rate)};
}

AdmitDecision admit(const AdmitState& state, const AdmitQuery& query, MonotonicTime now) {
  const AdmitLimits& limits = state.limits;
  const bool is_rate_limited = limits.requests_per_second_max > 0;
  TokenBucket bucket = state.bucket;
  if (is_rate_limited) {
    bucket = refill(state.bucket, limits.requests_per_second_max, now);
    if (*bucket.requests < 1.0) {
      const double missing = (1.0 - *bucket.requests) / limits.requests_per_second_max;
      return refuse(
          ErrorCode::rate_limited, seconds(missing), bucket,
          fmt::format("the limit of {:g} requests per second for one principal is reached",
                      limits.requests_per_second_max));
    }
  }
  if (query.deadline && *query.deadline <= now) {
    return refuse(ErrorCode::deadline_exceeded, kRetryAfterMin, bucket,
                  "the deadline had passed before the request was admitted");
  }
  AdmitDecision decision;
  decision.bucket = bucket;
  if (is_rate_limited) *decision.bucket.requests -= 1.0;
  // A newcomer never overtakes those of its own who wait.
  if (state.running < limits.running_max && state.waiting_own.value_or(state.waiting) == 0) {
    decision.verdict = AdmitVerdict::run;
    decision.reason = fmt::format("{} of {} running", state.running, limits.running_max);
    return decision;
  }
  if (state.waiting >= limits.queue_max) {
    return refuse(ErrorCode::overloaded, retry_when_full(state), bucket,
                  fmt::format("{} requests run and the queue of {} is full", state.running,
                              limits.queue_max));
  }
  decision.wait_predicted = predict_wait(state);
  if (decision.wait_predicted > limits.queue_wait_max) {
    return refuse(ErrorCode::overloaded, decision.wait_predicted - limits.queue_wait_max, bucket,
                  fmt::format("a wait of {} is predicted, more than the {} a request may wait",
                              format_duration(decision.wait_predicted),
                              format_duration(limits.queue_wait_max)));
  }
  if (query.deadline && now + decision.wait_predicted >= *query.deadline) {
    return refuse(ErrorCode::overloaded, retry_when_full(state), bucket,
                  fmt::format("a wait of {} is predicted, the deadline is {} away",
                              format_duration(decision.wait_predicted),
                              format_duration(*query.deadline - now)));
  }
  decision.verdict = AdmitVerdict::queue;
  decision.reason = fmt::format("{} run, {} wait ahead", state.running,
                                state.waiting_ahead.value_or(state.waiting));
  return decision;
}

}  // namespace plinth::decisions
