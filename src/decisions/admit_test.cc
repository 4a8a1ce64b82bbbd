// SPDX-License-Identifier: Apache-2.0
// Properties of admission over random states, and each refusal.
#include "decisions/admit.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace plinth::decisions {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

MonotonicTime at(Duration since_start) { return MonotonicTime(since_start); }

AdmitState state_of(int running, int waiting) {
  AdmitState state;
  state.limits = {.running_max = 4, .queue_max = 8};
  state.running = running;
  state.waiting = waiting;
  return state;
}

TEST(Admit, runs_when_a_slot_is_free_and_queues_when_not) {
  EXPECT_EQ(admit(state_of(3, 0), {}, at(seconds(1))).verdict, AdmitVerdict::run);
  EXPECT_EQ(admit(state_of(4, 0), {}, at(seconds(1))).verdict, AdmitVerdict::queue);
}

TEST(Admit, a_newcomer_never_overtakes_those_who_wait) {
  EXPECT_EQ(admit(state_of(3, 1), {}, at(seconds(1))).verdict, AdmitVerdict::queue);
}

TEST(Admit, refuses_with_overloaded_when_the_queue_is_full) {
  AdmitState state = state_of(4, 8);
  const AdmitDecision unknown = admit(state, {}, at(seconds(1)));
  EXPECT_EQ(unknown.verdict, AdmitVerdict::refuse);
  EXPECT_EQ(unknown.code, ErrorCode::overloaded);
  EXPECT_EQ(unknown.retry_after, kRetryAfterUnknown);

  state.finished_per_s = 0.9;  // nine leave in ten seconds
  EXPECT_EQ(admit(state, {}, at(seconds(1))).retry_after, seconds(10));
}

TEST(Admit, refuses_now_when_the_predicted_wait_outlasts_the_deadline) {
  AdmitState state = state_of(4, 3);
  state.finished_per_s = 2;  // a wait of two seconds
  const auto now = at(seconds(100));
  EXPECT_EQ(admit(state, {now + milliseconds(2100)}, now).verdict, AdmitVerdict::queue);
  const AdmitDecision late = admit(state, {now + milliseconds(1900)}, now);
  EXPECT_EQ(late.verdict, AdmitVerdict::refuse);
  EXPECT_EQ(late.code, ErrorCode::overloaded);
  EXPECT_EQ(admit(state, {now - seconds(1)}, now).code, ErrorCode::deadline_exceeded);
}

TEST(Admit, refuses_now_what_would_time_out_in_the_queue) {
  AdmitState state = state_of(4, 7);
  state.finished_per_s = 0.1;  // eighty seconds
  state.limits.queue_wait_max = seconds(30);
  const AdmitDecision decision = admit(state, {}, at(seconds(1)));
  EXPECT_EQ(decision.verdict, AdmitVerdict::refuse);
  EXPECT_EQ(decision.retry_after, seconds(50));
}

TEST(Admit, limits_a_principal_to_its_rate_over_any_stretch_of_time) {
  SeededRandom random(3);
  AdmitState state = state_of(0, 0);
  state.limits.requests_per_second_max = 5;
  MonotonicTime now = at(seconds(10));
  int admitted = 0;
  for (int i = 0; i < 5'000; ++i) {
    now += milliseconds(random.below(20));
    const AdmitDecision decision = admit(state, {}, now);
    state.bucket = decision.bucket;
    if (decision.verdict == AdmitVerdict::run) {
      ++admitted;
      continue;
    }
    ASSERT_EQ(decision.code, ErrorCode::rate_limited);
    ASSERT_GE(decision.retry_after, kRetryAfterMin);
  }
  const double elapsed = std::chrono::duration<double>(now - at(seconds(10))).count();
  const double allowed = 5 * elapsed + 5;
  EXPECT_LE(admitted, allowed);
  EXPECT_GE(admitted, allowed * 0.9);
}

TEST(Admit, a_refused_request_costs_the_principal_nothing) {
  AdmitState state = state_of(4, 8);
  state.limits.requests_per_second_max = 2;
  state.bucket = {1.5, at(seconds(1))};
  const AdmitDecision decision = admit(state, {}, at(seconds(1)));
  EXPECT_EQ(decision.code, ErrorCode::overloaded);
  EXPECT_DOUBLE_EQ(decision.bucket.requests.value(), 1.5);
}

TEST(Admit, tells_what_a_principals_rate_has_left) {
  AdmitLimits limits;
  EXPECT_FALSE(rate_left(limits, {}, at(seconds(1))).has_value());
  limits.requests_per_second_max = 4;
  EXPECT_EQ(rate_left(limits, {}, at(seconds(1)))->remaining, 4);
  EXPECT_EQ(rate_left(limits, {}, at(seconds(1)))->until_full, Duration::zero());
  const TokenBucket used{1.5, at(seconds(1))};
  const auto left = rate_left(limits, used, at(seconds(1) + milliseconds(250)));
  EXPECT_EQ(left->limit, 4);
  EXPECT_EQ(left->remaining, 2);
  EXPECT_EQ(left->until_full, milliseconds(375));
}

TEST(Admit, holds_its_limits_for_random_states) {
  SeededRandom random(4);
  for (int round = 0; round < 5'000; ++round) {
    AdmitState state =
        state_of(static_cast<int>(random.below(6)), static_cast<int>(random.below(10)));
    state.finished_per_s =
        random.below(3) == 0 ? 0
                             : random.uniform() * 1e-3 * static_cast<double>(random.below(100'000));
    state.limits.requests_per_second_max = random.below(2) == 0 ? 0 : random.uniform() * 10;
    const auto now = at(seconds(1000) + milliseconds(random.below(1'000)));
    AdmitQuery query;
    if (random.below(2) == 0) query.deadline = now + milliseconds(random.below(60'000));
    const AdmitDecision decision = admit(state, query, now);
    switch (decision.verdict) {
      case AdmitVerdict::run:
        ASSERT_LT(state.running, state.limits.running_max);
        ASSERT_EQ(state.waiting, 0);
        break;
      case AdmitVerdict::queue:
        ASSERT_LT(state.waiting, state.limits.queue_max);
        ASSERT_LE(decision.wait_predicted, state.limits.queue_wait_max);
        break;
      case AdmitVerdict::refuse:
        ASSERT_GE(decision.retry_after, kRetryAfterMin);
        ASSERT_LE(decision.retry_after, kRetryAfterMax);
        ASSERT_FALSE(decision.reason.empty());
        break;
    }
  }
}

}  // namespace
}  // namespace plinth::decisions
