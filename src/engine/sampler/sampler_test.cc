// SPDX-License-Identifier: Apache-2.0
#include "engine/sampler/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace plinth::engine {
namespace {

std::vector<int> histogram(const SamplingOptions& options, const std::vector<float>& logits,
                           int draws) {
  Sampler sampler(options, {}, 5);
  std::vector<int> counts(logits.size(), 0);
  for (int i = 0; i < draws; ++i) ++counts[static_cast<size_t>(sampler.choose(logits).value())];
  return counts;
}

TEST(Sampler, takes_the_largest_logit_and_the_lowest_of_equals_when_greedy) {
  Sampler sampler({0, 1, {}}, {}, 1);
  EXPECT_EQ(sampler.choose(std::vector<float>{1, 3, 3, 2}).value(), 1);
  EXPECT_EQ(sampler.choose(std::vector<float>{-5}).value(), 0);
}

TEST(Sampler, draws_by_probability) {
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  const auto counts = histogram({1, 1, {}}, logits, 20000);
  EXPECT_NEAR(counts[0], 10000, 400);
  EXPECT_NEAR(counts[1], 6000, 400);
  EXPECT_NEAR(counts[2], 4000, 400);
}

TEST(Sampler, temperature_flattens_and_sharpens) {
  const std::vector<float> logits = {0, std::log(4.0f)};
  EXPECT_NEAR(histogram({2, 1, {}}, logits, 20000)[0], 20000 / 3.0, 400);
  EXPECT_NEAR(histogram({0.5, 1, {}}, logits, 20000)[0], 20000 / 17.0, 200);
}

TEST(Sampler, top_p_keeps_the_smallest_set_that_reaches_it) {
  const std::vector<float> logits = {std::log(0.2f), std::log(0.5f), std::log(0.3f)};
  const auto half = histogram({1, 0.45, {}}, logits, 1000);
  EXPECT_EQ(half, (std::vector<int>{0, 1000, 0}));
  const auto most = histogram({1, 0.75, {}}, logits, 20000);
  EXPECT_EQ(most[0], 0);
  EXPECT_NEAR(most[1], 12500, 400);
  EXPECT_EQ(histogram({1, 1e-9, {}}, logits, 100)[1], 100);
}

TEST(Sampler, repeats_itself_for_a_seed) {
  const std::vector<float> logits(100, 0);
  Sampler a({1, 0.9, {}}, {}, 77);
  Sampler b({1, 0.9, {}}, {}, 77);
  Sampler c({1, 0.9, {}}, {}, 78);
  bool is_different = false;
  for (int i = 0; i < 50; ++i) {
    const Token token = a.choose(logits).value();
    EXPECT_EQ(token, b.choose(logits).value());
    is_different = is_different || token != c.choose(logits).value();
  }
  EXPECT_TRUE(is_different);
}

SamplingOptions with(void (*change)(SamplingOptions&)) {
  SamplingOptions options;
  change(options);
  return options;
}

const std::vector<float> kTenths = {std::log(0.4f), std::log(0.1f), std::log(0.3f), std::log(0.2f)};

TEST(Sampler, top_k_keeps_the_likeliest) {
  const auto two = histogram(with([](auto& o) { o.top_k = 2; }), kTenths, 20000);
  EXPECT_NEAR(two[0], 20000 * 4.0 / 7, 400);
  EXPECT_EQ(two[1] + two[3], 0);
  EXPECT_EQ(histogram(with([](auto& o) { o.top_k = 1; }), kTenths, 100)[0], 100);
  const auto all = histogram(with([](auto& o) { o.top_k = 99; }), kTenths, 20000);
  EXPECT_NEAR(all[1], 2000, 300);
}

TEST(Sampler, min_p_drops_what_is_far_less_likely_than_the_likeliest) {
  const auto counts = histogram(with([](auto& o) { o.min_p = 0.6; }), kTenths, 20000);
  EXPECT_EQ(counts[1] + counts[3], 0);
  EXPECT_NEAR(counts[2], 20000 * 3.0 / 7, 400);
}

TEST(Sampler, typical_p_keeps_what_surprises_as_much_as_expected) {
  // Expected surprise 1.28; surprises 0.92 2.30 1.20 1.61: nearest is token 2, then 3.
  const auto one = histogram(with([](auto& o) { o.typical_p = 0.25; }), kTenths, 1000);
  EXPECT_EQ(one, (std::vector<int>{0, 0, 1000, 0}));
  const auto two = histogram(with([](auto& o) { o.typical_p = 0.45; }), kTenths, 20000);
  EXPECT_EQ(two[0] + two[1], 0);
  EXPECT_NEAR(two[3], 8000, 400);
}

TEST(Sampler, bias_moves_a_token_up_and_bans_one) {
  SamplingOptions options;
  options.temperature = 0;
  options.logit_bias = {{0, -100.0f}, {1, 5.0f}};
  EXPECT_EQ(Sampler(options, {}, 1).choose(kTenths).value(), 1);
}

TEST(Sampler, frequency_and_presence_count_the_reply_alone) {
  SamplingOptions options;
  options.temperature = 0;
  options.frequency_penalty = 0.2;
  Sampler sampler(options, {0, 0, 0, 0}, 1);
  const std::vector<float> logits = {1.0f, 0.5f, 0.0f};
  std::vector<Token> chosen;
  for (int i = 0; i < 5; ++i) chosen.push_back(sampler.choose(logits).value());
  // Token 0: 1.0, 0.8, 0.6, then 0.4 is below token 1's 0.5, which falls to 0.3.
  EXPECT_EQ(chosen, (std::vector<Token>{0, 0, 0, 1, 0}));
  options.frequency_penalty = 0;
  options.presence_penalty = 0.6;
  Sampler once(options, {}, 1);
  EXPECT_EQ(once.choose(logits).value(), 0);
  EXPECT_EQ(once.choose(logits).value(), 1);
  EXPECT_EQ(once.choose(logits).value(), 0);
}

TEST(Sampler, repetition_divides_positive_and_multiplies_negative_logits_of_prompt_and_reply) {
  SamplingOptions options;
  options.temperature = 0;
  options.repetition_penalty = 2;
  Sampler sampler(options, {0}, 1);
  EXPECT_EQ(sampler.choose(std::vector<float>{1.0f, 0.6f}).value(), 1);    // 0.5 and 0.6
  EXPECT_EQ(sampler.choose(std::vector<float>{-1.0f, -1.1f}).value(), 0);  // -2 and -2.2
}

TEST(Sampler, bias_and_penalties_change_odds_by_their_exponential) {
  SamplingOptions options;
  options.logit_bias = {{1, std::log(3.0f)}};  // 4 3 3 2 of 12
  const auto biased = histogram(options, kTenths, 24000);
  EXPECT_NEAR(biased[0], 8000, 400);
  EXPECT_NEAR(biased[1], 6000, 400);
  EXPECT_NEAR(biased[3], 4000, 400);
  // The share of token 0 after it stands in the reply `times` times, by sampling afresh each time.
  const auto share_after = [](const SamplingOptions& sampling, int times) {
    int zeros = 0;
    for (uint64_t seed = 0; seed < 8000; ++seed) {
      Sampler sampler(sampling, {}, seed);
      for (int i = 0; i < times; ++i) sampler.choose(std::vector<float>{0, -100}).value();
      zeros += sampler.choose(std::vector<float>{0, 0}).value() == 0;
    }
    return zeros / 8000.0;
  };
  SamplingOptions presence;
  presence.presence_penalty = std::log(3.0);
  EXPECT_NEAR(share_after(presence, 1), 0.25, 0.02);
  EXPECT_NEAR(share_after(presence, 2), 0.25, 0.02);
  SamplingOptions frequency;
  frequency.frequency_penalty = std::log(3.0);
  EXPECT_NEAR(share_after(frequency, 1), 0.25, 0.02);
  EXPECT_NEAR(share_after(frequency, 2), 0.1, 0.02);
  SamplingOptions repetition;
  repetition.repetition_penalty = 2;
  int zeros = 0;
  for (uint64_t seed = 0; seed < 8000; ++seed) {
    Sampler sampler(repetition, {0}, seed);
    zeros += sampler.choose(std::vector<float>{std::log(9.0f), 0}).value() == 0;
  }
  EXPECT_NEAR(zeros / 8000.0, 0.75, 0.02);
}

// Chi-square statistic of counts against the shares of logits sampled plainly.
double chi_square(const std::vector<int>& counts, const std::vector<double>& shares) {
  double draws = 0;
  for (const int count : counts) draws += count;
  double sum = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (shares[i] == 0) {
      EXPECT_EQ(counts[i], 0) << i;
      continue;
    }
    const double expected = draws * shares[i];
    sum += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  return sum;
}

TEST(Sampler, keeps_its_distribution_whatever_is_proposed) {
  constexpr int kDraws = 40000;
  constexpr double kThreshold = 18.47;  // chi-square, 4 degrees of freedom: 0.1 % lie above
  const std::vector<float> target = {std::log(0.4f), std::log(0.1f), std::log(0.3f),
                                     std::log(0.15f), std::log(0.05f)};
  const std::vector<double> shares = {0.4, 0.1, 0.3, 0.15, 0.05};
  const std::vector<std::vector<float>> drafts = {
      {0, 0, 0, 0, 0}, {-3, 4, 0, 1, -8}, {0, -9, -9, -9, -9}, target};
  for (size_t i = 0; i < drafts.size(); ++i) {
    Sampler sampler({}, {}, 100 + i);
    std::vector<int> counts(5, 0);
    int accepted = 0;
    for (int draw = 0; draw < kDraws; ++draw) {
      const ProposedToken proposed = sampler.propose(drafts[i], 3 + i % 3).value();
      const Token token = sampler.choose(target, proposed).value();
      ++counts[static_cast<size_t>(token)];
      accepted += token == proposed.token;
    }
    EXPECT_LT(chi_square(counts, shares), kThreshold) << i;
    // Accepted is the sum of min(p, q) over all tokens.
    if (i == 2) {
      EXPECT_NEAR(accepted, 0.4 * kDraws, 600);
    } else if (i == 3) {
      EXPECT_NEAR(accepted, 0.85 * kDraws, 600);  // q is p's three likeliest
    }
  }
}

TEST(Sampler, an_undrawn_proposal_changes_no_choice) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Sampler plain({1, 0.9, {}}, {}, seed);
    Sampler proposed({1, 0.9, {}}, {}, seed);
    for (Token i = 0; i < 8; ++i) {
      EXPECT_EQ(proposed.choose(kTenths, {i % 4, {}}).value(), plain.choose(kTenths).value());
    }
  }
}

TEST(Sampler, counts_proposals_until_they_are_taken_back) {
  SamplingOptions options;
  options.temperature = 0;
  options.frequency_penalty = 1;
  Sampler sampler(options, {}, 1);
  const std::vector<float> logits = {1.0f, 0.5f};
  EXPECT_EQ(sampler.propose(logits, 8).value().token, 0);
  EXPECT_EQ(sampler.propose(logits, 8).value().token, 1);
  sampler.take_back(1);
  sampler.take_back(0);
  EXPECT_EQ(sampler.choose(logits).value(), 0);
}

TEST(Sampler, log_probabilities_are_the_models_own) {
  const TokenLogprobs found = logprobs_of(kTenths, 3, 2);
  EXPECT_EQ(found.chosen.token, 3);
  EXPECT_NEAR(found.chosen.logprob, std::log(0.2), 1e-6);
  ASSERT_EQ(found.top.size(), 2u);
  EXPECT_EQ(found.top[0].token, 0);
  EXPECT_EQ(found.top[1].token, 2);
  EXPECT_NEAR(found.top[1].logprob, std::log(0.3), 1e-6);
  EXPECT_EQ(logprobs_of(kTenths, 0, 20).top.size(), 4u);
}

TEST(Sampler, options_out_of_range_are_refused_by_name) {
  const auto refused = [](void (*change)(SamplingOptions&)) {
    const Status checked = check_sampling(with(change), 4);
    return checked.is_error() ? checked.error().param : "";
  };
  EXPECT_EQ(refused([](auto&) {}), "");
  EXPECT_EQ(refused([](auto& o) { o.temperature = -1; }), "temperature");
  EXPECT_EQ(refused([](auto& o) { o.top_p = 0; }), "top_p");
  EXPECT_EQ(refused([](auto& o) { o.min_p = NAN; }), "min_p");
  EXPECT_EQ(refused([](auto& o) { o.typical_p = 2; }), "typical_p");
  EXPECT_EQ(refused([](auto& o) { o.top_k = -1; }), "top_k");
  EXPECT_EQ(refused([](auto& o) { o.repetition_penalty = 0; }), "repetition_penalty");
  EXPECT_EQ(refused([](auto& o) { o.presence_penalty = 3; }), "presence_penalty");
  EXPECT_EQ(refused([](auto& o) { o.logit_bias = {{4, 1.0f}}; }), "logit_bias");
  EXPECT_EQ(refused([](auto& o) { o.logit_bias = {{0, 101.0f}}; }), "logit_bias");
}

TEST(Sampler, refuses_logits_that_are_not_finite) {
  Sampler sampler({0, 1, {}}, {}, 1);
  EXPECT_EQ(sampler.choose(std::vector<float>{1, NAN}).error().code, ErrorCode::corrupt);
  EXPECT_EQ(sampler.choose(std::vector<float>{INFINITY, 1}).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace plinth::engine
