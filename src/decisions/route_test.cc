// SPDX-License-Identifier: Apache-2.0
// Properties of routing over random snapshots, and the cases that gave it its shape.
#include "decisions/route.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"

namespace plinth::decisions {
namespace {

RouteCandidate candidate(const std::string& id, double prefill, double decode) {
  RouteCandidate made;
  made.id = id;
  made.prefill_tokens_per_s = prefill;
  made.decode_tokens_per_s = decode;
  return made;
}

RouteState random_state(Random& random) {
  RouteState state;
  const auto count = random.below(9);
  for (uint64_t i = 0; i < count; ++i) {
    RouteCandidate made =
        candidate("r" + std::to_string(i), random.uniform() * 5000, random.uniform() * 200);
    made.is_healthy = random.below(4) != 0;
    made.queue_tokens = static_cast<int64_t>(random.below(20'000));
    made.queue_output_tokens = static_cast<int64_t>(random.below(2'000));
    made.running = static_cast<int>(random.below(16));
    made.cached_prefix_tokens = static_cast<int64_t>(random.below(4'000));
    state.candidates.push_back(made);
  }
  return state;
}

RouteQuery random_query(Random& random) {
  return {static_cast<int64_t>(random.below(4'000)), static_cast<int64_t>(random.below(1'000))};
}

TEST(Route, picks_a_healthy_candidate_of_least_cost_whatever_the_snapshot) {
  SeededRandom random(7);
  for (int round = 0; round < 2'000; ++round) {
    const RouteState state = random_state(random);
    const RouteChoice choice = route(state, random_query(random));
    const auto healthy = std::count_if(state.candidates.begin(), state.candidates.end(),
                                       [](const auto& each) { return each.is_healthy; });
    ASSERT_EQ(choice.costs.size(), static_cast<size_t>(healthy));
    ASSERT_EQ(choice.id.has_value(), healthy > 0);
    ASSERT_FALSE(choice.reason.empty());
    if (!choice.id) continue;
    const auto chosen = std::find_if(choice.costs.begin(), choice.costs.end(),
                                     [&](const RouteCost& cost) { return cost.id == *choice.id; });
    ASSERT_NE(chosen, choice.costs.end());
    for (const RouteCost& cost : choice.costs) ASSERT_LE(chosen->total_s(), cost.total_s());
  }
}

TEST(Route, does_not_depend_on_the_order_of_the_candidates) {
  SeededRandom random(8);
  for (int round = 0; round < 500; ++round) {
    RouteState state = random_state(random);
    const RouteQuery query = random_query(random);
    const auto first = route(state, query).id;
    for (size_t i = state.candidates.size(); i > 1; --i) {
      std::swap(state.candidates[i - 1], state.candidates[random.below(i)]);
    }
    ASSERT_EQ(route(state, query).id, first);
  }
}

TEST(Route, more_work_ahead_never_makes_a_candidate_cheaper) {
  SeededRandom random(9);
  for (int round = 0; round < 500; ++round) {
    RouteState state = random_state(random);
    const RouteQuery query = random_query(random);
    for (RouteCandidate& each : state.candidates) {
      each.is_healthy = true;
      each.cached_prefix_tokens = 0;
    }
    const RouteChoice before = route(state, query);
    for (RouteCandidate& each : state.candidates) {
      each.queue_tokens += 100;
      each.running += 1;
    }
    const RouteChoice after = route(state, query);
    for (size_t i = 0; i < before.costs.size(); ++i) {
      ASSERT_GE(after.costs[i].total_s(), before.costs[i].total_s());
    }
  }
}

TEST(Route, breaks_ties_by_running_sequences_and_then_by_id) {
  RouteState state{{candidate("b", 1000, 50), candidate("a", 1000, 50)}};
  EXPECT_EQ(route(state, {100, 10}).id, "a");
  // Without output the decode share does not count, so the costs are equal.
  state.candidates[1].running = 1;
  EXPECT_EQ(route(state, {100, 0}).id, "b");
}

TEST(Route, prefers_the_replica_that_holds_the_start_of_the_prompt) {
  RouteState state{{candidate("a", 1000, 50), candidate("b", 1000, 50)}};
  state.candidates[1].cached_prefix_tokens = 900;
  EXPECT_EQ(route(state, {1000, 10}).id, "b");
  // But not at any price: two seconds of queue outweigh 0.9 seconds of prefill.
  state.candidates[1].queue_tokens = 2000;
  EXPECT_EQ(route(state, {1000, 10}).id, "a");
}

TEST(Route, a_replica_without_measurements_is_tried) {
  RouteState state{{candidate("slow", 100, 5), candidate("new", 0, 0)}};
  EXPECT_EQ(route(state, {1000, 100}).id, "new");
}

TEST(Route, sums_queue_prefill_and_decode_in_seconds) {
  RouteState state{{candidate("a", 1000, 50)}};
  state.candidates[0].queue_tokens = 500;
  state.candidates[0].queue_output_tokens = 25;
  state.candidates[0].cached_prefix_tokens = 100;
  state.candidates[0].running = 1;
  const RouteChoice choice = route(state, {300, 100});
  ASSERT_EQ(choice.costs.size(), 1u);
  EXPECT_DOUBLE_EQ(choice.costs[0].queue_s, 0.5 + 0.5);
  EXPECT_DOUBLE_EQ(choice.costs[0].prefill_s, 0.2);
  EXPECT_DOUBLE_EQ(choice.costs[0].decode_s, 4.0);
}

TEST(Route, says_when_nobody_is_healthy) {
  RouteState state{{candidate("a", 1000, 50)}};
  state.candidates[0].is_healthy = false;
  const RouteChoice choice = route(state, {1, 1});
  EXPECT_FALSE(choice.id.has_value());
  EXPECT_EQ(choice.reason, "none of 1 replicas is healthy");
}

}  // namespace
}  // namespace plinth::decisions
