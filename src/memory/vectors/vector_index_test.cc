// SPDX-License-Identifier: Apache-2.0
// The exact scan against sorting everything, with removals.
#include "memory/vectors/vector_index.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/random.h"

namespace plinth::memory {
namespace {

constexpr size_t kSize = 16;

std::vector<float> random_unit(SeededRandom& random) {
  std::vector<float> vector(kSize);
  double square = 0;
  for (float& value : vector) {
    value = static_cast<float>(random.uniform() * 2 - 1);
    square += static_cast<double>(value) * value;
  }
  for (float& value : vector) value = static_cast<float>(value / std::sqrt(square));
  return vector;
}

TEST(VectorIndex, finds_exactly_the_visible_rows_above_the_floor_in_order) {
  SeededRandom random(11);
  for (int round = 0; round < 40; ++round) {
    VectorIndex index(kSize);
    std::map<Slot, std::vector<float>> visible_part;
    Visible visible;
    for (Slot slot = 0; slot < 50; ++slot) {
      const auto vector = random_unit(random);
      index.add(slot, vector);
      visible.push_back(random.below(3) != 0);
      if (visible.back()) visible_part[slot] = vector;
    }
    for (Slot slot = 0; slot < 50; ++slot) {
      if (random.below(4) != 0) continue;
      index.remove(slot);
      visible_part.erase(slot);
    }
    const auto query = random_unit(random);
    std::vector<std::pair<double, Slot>> expected;
    for (const auto& [slot, vector] : visible_part) {
      double sum = 0;
      for (size_t i = 0; i < kSize; ++i) sum += static_cast<double>(query[i]) * vector[i];
      if (sum >= 0.1) expected.emplace_back(-sum, slot);
    }
    std::sort(expected.begin(), expected.end());
    const auto ranked = index.search(query, visible, 0.1);
    ASSERT_EQ(ranked.size(), expected.size());
    for (size_t i = 0; i < ranked.size(); ++i) {
      EXPECT_EQ(ranked[i].slot, expected[i].second);
      EXPECT_NEAR(ranked[i].score, -expected[i].first, 1e-12);
    }
  }
}

TEST(VectorIndex, removing_an_unknown_slot_changes_nothing) {
  VectorIndex index(2);
  index.add(0, std::vector<float>{1, 0});
  index.remove(7);
  EXPECT_EQ(index.search(std::vector<float>{1, 0}, {true}, 0.5).size(), 1u);
  index.remove(0);
  index.remove(0);
  EXPECT_TRUE(index.search(std::vector<float>{1, 0}, {true}, 0.5).empty());
}

}  // namespace
}  // namespace plinth::memory
