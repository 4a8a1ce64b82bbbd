// SPDX-License-Identifier: Apache-2.0
#include "engine/sampler/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace plinth::engine {
namespace {

std::vector<int> histogram(const SamplingOptions& options, const std::vector<float>& logits,
                           int draws) {
  Sampler sampler(options, 5);
  std::vector<int> counts(logits.size(), 0);
  for (int i = 0; i < draws; ++i) ++counts[static_cast<size_t>(sampler.choose(logits).value())];
  return counts;
}

TEST(Sampler, takes_the_largest_logit_and_the_lowest_of_equals_when_greedy) {
  Sampler sampler({0, 1, {}}, 1);
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
  Sampler a({1, 0.9, {}}, 77);
  Sampler b({1, 0.9, {}}, 77);
  Sampler c({1, 0.9, {}}, 78);
  bool is_different = false;
  for (int i = 0; i < 50; ++i) {
    const Token token = a.choose(logits).value();
    EXPECT_EQ(token, b.choose(logits).value());
    is_different = is_different || token != c.choose(logits).value();
  }
  EXPECT_TRUE(is_different);
}

TEST(Sampler, refuses_logits_that_are_not_finite) {
  Sampler sampler({0, 1, {}}, 1);
  EXPECT_EQ(sampler.choose(std::vector<float>{1, NAN}).error().code, ErrorCode::corrupt);
  EXPECT_EQ(sampler.choose(std::vector<float>{INFINITY, 1}).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace plinth::engine
