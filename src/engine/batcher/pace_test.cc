// SPDX-License-Identifier: Apache-2.0
#include "engine/batcher/pace.h"

#include <gtest/gtest.h>

namespace plinth::engine {
namespace {

// A machine on which decoding costs 10 ms and 1 ms a row, and a prompt row 0.5 ms.
double seconds_of(int64_t decoding, int64_t prompt) {
  const double decode = decoding == 0 ? 0 : 0.010 + 0.001 * static_cast<double>(decoding);
  return decode + 0.0005 * static_cast<double>(prompt);
}

Pace taught() {
  Pace pace(0.1);
  for (int i = 0; i < 50; ++i) {
    for (const int64_t rows : {1, 4, 16}) pace.learn(rows, 0, seconds_of(rows, 0));
    pace.learn(0, 512, seconds_of(0, 512));
    pace.learn(4, 64, seconds_of(4, 64));
  }
  return pace;
}

TEST(Pace, gives_prompts_what_decoding_leaves_of_the_time) {
  const Pace pace = taught();
  for (const int64_t decoding : {1, 4, 8, 16}) {
    const int64_t rows = pace.prompt_rows(decoding);
    EXPECT_NEAR(seconds_of(decoding, rows), 0.1, 0.005) << decoding;
  }
  EXPECT_GT(pace.prompt_rows(1), pace.prompt_rows(16));
}

TEST(Pace, lets_prompts_go_on_whatever_decoding_takes) {
  const Pace pace = taught();
  EXPECT_EQ(pace.prompt_rows(1000), Pace::kRowsMin);
}

TEST(Pace, is_modest_until_it_knows) { EXPECT_EQ(Pace(0.1).prompt_rows(4), Pace::kRowsUnknown); }

TEST(Pace, follows_a_machine_that_becomes_slower) {
  Pace pace = taught();
  const int64_t before = pace.prompt_rows(4);
  for (int i = 0; i < 50; ++i) {
    pace.learn(4, 0, 2 * seconds_of(4, 0));
    pace.learn(4, 64, 2 * seconds_of(4, 64));
  }
  EXPECT_LT(pace.prompt_rows(4), before / 2 + 8);
}

}  // namespace
}  // namespace plinth::engine
