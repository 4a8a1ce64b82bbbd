// SPDX-License-Identifier: Apache-2.0
// The simulator against cases that can be worked out by hand, and the router against round robin.
#include "lab/simulate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace plinth::lab {
namespace {

// Poisson arrivals; one request in ten is forty times as long as the others.
std::vector<Arrival> skewed_trace(uint64_t seed, int count, double per_second) {
  SeededRandom random(seed);
  std::vector<Arrival> arrivals;
  double now = 0;
  for (int i = 0; i < count; ++i) {
    now += -std::log(1 - random.uniform()) / per_second;
    const bool is_long = random.below(10) == 0;
    arrivals.push_back({now, is_long ? 8000 : 200, is_long ? 1000 : 50});
  }
  return arrivals;
}

TEST(Simulate, agrees_with_the_arithmetic_of_one_replica) {
  Scenario scenario;
  scenario.replicas = {{"a", 100, 10}};
  scenario.arrivals = {{0, 100, 10}, {1, 100, 10}, {10, 100, 10}};  // two seconds each
  const Outcome outcome = MUST(simulate(scenario), "the scenario is valid");
  EXPECT_EQ(outcome.served, 3);
  EXPECT_DOUBLE_EQ(outcome.wait_mean_s, 1.0 / 3);
  EXPECT_DOUBLE_EQ(outcome.wait_p99_s, 1.0);
  EXPECT_DOUBLE_EQ(outcome.finish_p99_s, 3.0);
}

TEST(Simulate, routing_by_predicted_time_beats_round_robin_on_a_skewed_trace) {
  for (const uint64_t seed : {1u, 2u, 3u}) {
    Scenario scenario;
    scenario.arrivals = skewed_trace(seed, 5'000, 1.2);
    scenario.replicas = {{"a", 2000, 40}, {"b", 2000, 40}, {"c", 2000, 40}, {"d", 4000, 80}};
    const Outcome predicted = MUST(simulate(scenario), "the scenario is valid");
    scenario.routing = Routing::round_robin;
    const Outcome round_robin = MUST(simulate(scenario), "the scenario is valid");
    EXPECT_LT(predicted.wait_mean_s, round_robin.wait_mean_s / 2);
    EXPECT_LT(predicted.finish_p99_s, round_robin.finish_p99_s);
    EXPECT_EQ(predicted.served, round_robin.served);
  }
}

TEST(Simulate, refuses_what_the_queue_cannot_hold) {
  Scenario scenario;
  scenario.replicas = {{"a", 100, 10}};
  scenario.arrivals = std::vector<Arrival>(10, Arrival{0, 100, 10});
  scenario.waiting_max = 3;
  const Outcome outcome = MUST(simulate(scenario), "the scenario is valid");
  EXPECT_EQ(outcome.served, 4);
  EXPECT_EQ(outcome.refused, 6);
}

TEST(Simulate, gives_the_same_result_twice) {
  Scenario scenario;
  scenario.arrivals = skewed_trace(9, 2'000, 2.0);
  scenario.replicas = {{"a", 2000, 40}, {"b", 1000, 80}};
  const Outcome first = MUST(simulate(scenario), "the scenario is valid");
  const Outcome second = MUST(simulate(scenario), "the scenario is valid");
  EXPECT_EQ(first.wait_mean_s, second.wait_mean_s);
  EXPECT_EQ(first.finish_p99_s, second.finish_p99_s);
}

TEST(Simulate, refuses_scenarios_that_cannot_be) {
  EXPECT_EQ(simulate({}).error().code, ErrorCode::invalid_argument);
  Scenario scenario;
  scenario.replicas = {{"a", 0, 10}};
  EXPECT_TRUE(simulate(scenario).is_error());
  scenario.replicas = {{"a", 1, 1}};
  scenario.arrivals = {{2, 1, 1}, {1, 1, 1}};
  EXPECT_TRUE(simulate(scenario).is_error());
}

}  // namespace
}  // namespace plinth::lab
