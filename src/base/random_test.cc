// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace plinth {
namespace {

// Yields given words: for the edges of the conversions.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(std::vector<uint64_t> words) : words_(std::move(words)) {}
  uint64_t next() override { return words_[at_++ % words_.size()]; }
  size_t taken() const { return at_; }

 private:
  std::vector<uint64_t> words_;
  size_t at_ = 0;
};

// Reference values: splitmix64(42) seeding xoshiro256**, computed with the authors' C code.
TEST(SeededRandom, gives_the_same_numbers_on_every_machine) {
  SeededRandom random(42);
  const std::array<uint64_t, 4> expected{0x15780b2e0c2ec716u, 0x6104d9866d113a7eu,
                                         0xae17533239e499a1u, 0xecb8ad4703b360a1u};
  for (const uint64_t word : expected) EXPECT_EQ(random.next(), word);
}

TEST(SeededRandom, differs_between_seeds) {
  SeededRandom one(1);
  SeededRandom two(2);
  EXPECT_NE(one.next(), two.next());
}

TEST(Random, uniform_stays_below_one) {
  FixedRandom highest({UINT64_MAX});
  EXPECT_LT(highest.uniform(), 1.0);
  FixedRandom lowest({0});
  EXPECT_EQ(lowest.uniform(), 0.0);
}

TEST(Random, below_hits_every_value_about_equally_often) {
  SeededRandom random(7);
  std::array<int, 6> counts{};
  for (int i = 0; i < 60'000; ++i) ++counts[random.below(6)];
  for (const int count : counts) {
    EXPECT_GT(count, 9'500);
    EXPECT_LT(count, 10'500);
  }
}

TEST(Random, below_rejects_the_words_that_would_bias_it) {
  FixedRandom random({0, UINT64_MAX});  // for bound 3, the word 0 is the one too many
  EXPECT_EQ(random.below(3), 2u);
  EXPECT_EQ(random.taken(), 2u);
}

TEST(Random, below_one_is_zero) {
  SeededRandom random(1);
  EXPECT_EQ(random.below(1), 0u);
  EXPECT_LT(random.below(UINT64_MAX), UINT64_MAX);
}

TEST(Random, fill_covers_lengths_that_are_no_multiple_of_a_word) {
  FixedRandom random({0x0807060504030201u, 0x100f0e0d0c0b0a09u});
  std::array<uint8_t, 11> bytes{};
  random.fill(bytes);
  for (size_t i = 0; i < bytes.size(); ++i) EXPECT_EQ(bytes[i], i + 1);
}

TEST(SystemRandom, does_not_repeat_itself) {
  SystemRandom random;
  EXPECT_NE(random.next(), random.next());
}

}  // namespace
}  // namespace plinth
