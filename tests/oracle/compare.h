// SPDX-License-Identifier: Apache-2.0
// The bound that oracle tests hold the engine to.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/oracle/tensors.h"

namespace plinth::oracle {

// Relative root mean square difference allowed per vector: F32 against double.
inline constexpr double kRelativeRmsMax = 2e-5;

inline void expect_close(const std::vector<float>& found, const Vector& expected) {
  ASSERT_EQ(found.size(), expected.size());
  double difference_squares = 0;
  double squares = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double difference = found[i] - expected[i];
    difference_squares += difference * difference;
    squares += expected[i] * expected[i];
  }
  EXPECT_LE(std::sqrt(difference_squares / squares), kRelativeRmsMax);
}

}  // namespace plinth::oracle
