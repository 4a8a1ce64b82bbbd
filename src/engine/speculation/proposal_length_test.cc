// SPDX-License-Identifier: Apache-2.0
#include "engine/speculation/proposal_length.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace plinth::engine {
namespace {

struct Outcome {
  int64_t iterations = 0;
  int64_t proposed = 0;
  int64_t tokens = 0;
};

// Iterations until `tokens` are made, each proposed token being right with this probability.
Outcome simulate(double probability, int64_t tokens) {
  ProposalLength length(8, GiveUp::never);
  SeededRandom random(11);
  Outcome outcome;
  while (outcome.tokens < tokens) {
    const int64_t proposed = length.count_max();
    int64_t accepted = 0;
    while (accepted < proposed && random.uniform() < probability) ++accepted;
    length.learn(proposed, accepted);
    ++outcome.iterations;
    outcome.proposed += proposed;
    outcome.tokens += 1 + accepted;
  }
  return outcome;
}

TEST(ProposalLength, wastes_little_where_nothing_is_accepted) {
  EXPECT_LE(simulate(0, 64).proposed, 6);
  EXPECT_LE(simulate(0, 1000).proposed, 21);
  // One in five: a row costs about a quarter of an iteration, so this loses less than 5 %.
  const Outcome rare = simulate(0.2, 10000);
  const double cost =
      static_cast<double>(rare.iterations) + 0.25 * static_cast<double>(rare.proposed);
  EXPECT_LT(cost, 1.05 * 10000);
}

TEST(ProposalLength, grows_to_the_most_where_all_are_accepted) {
  const Outcome outcome = simulate(1, 900);
  EXPECT_LE(outcome.iterations, 103);
  ProposalLength length(8, GiveUp::never);
  for (int i = 0; i < 3; ++i) length.learn(length.count_max(), length.count_max());
  EXPECT_EQ(length.count_max(), 8);
  length.learn(8, 3);
  EXPECT_EQ(length.count_max(), 3);
  length.learn(1, 1);  // the proposer had no more to say
  EXPECT_EQ(length.count_max(), 3);
}

TEST(ProposalLength, never_leaves_its_bound) {
  for (const int64_t most : {0, 1, 5}) {
    ProposalLength length(most, GiveUp::never);
    SeededRandom random(5);
    for (int i = 0; i < 1000; ++i) {
      const int64_t count = length.count_max();
      ASSERT_TRUE(count >= 0 && count <= most);
      const auto proposed = static_cast<int64_t>(random.below(static_cast<uint64_t>(count + 1)));
      length.learn(proposed,
                   static_cast<int64_t>(random.below(static_cast<uint64_t>(proposed + 1))));
    }
  }
}

TEST(ProposalLength, comes_back_after_a_pause) {
  ProposalLength length(8, GiveUp::never);
  while (length.count_max() > 0) length.learn(length.count_max(), 0);
  int64_t waited = 0;
  while (length.count_max() == 0) {
    length.learn(0, 0);
    ASSERT_LE(++waited, 64);
  }
  EXPECT_GE(waited, 8);
}

TEST(ProposalLength, gives_up_after_failures_in_a_row_where_that_is_asked_for) {
  ProposalLength length(8, GiveUp::after_failures);
  int failures = 0;
  for (int i = 0; i < 1000; ++i) {
    const int64_t proposed = length.count_max();
    const bool is_kept = failures + 1 == ProposalLength::kFailuresMax && i < 200;
    length.learn(proposed, is_kept && proposed > 0 ? 1 : 0);
    if (proposed == 0) continue;
    failures = is_kept ? 0 : failures + 1;
    ASSERT_LE(failures, ProposalLength::kFailuresMax);
  }
  EXPECT_EQ(failures, ProposalLength::kFailuresMax);
  EXPECT_EQ(length.count_max(), 0);
}

}  // namespace
}  // namespace plinth::engine
