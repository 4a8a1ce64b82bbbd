// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/thread_pool.h"

#include <gtest/gtest.h>

#include <vector>

namespace plinth::engine::kernels {
namespace {

TEST(ThreadPool, covers_every_item_exactly_once) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const int64_t count : {0, 1, 7, 64, 1000}) {
      std::vector<std::atomic<int>> touched(static_cast<size_t>(count));
      pool.run(count, 8, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++touched[static_cast<size_t>(i)];
      });
      for (const auto& times : touched) EXPECT_EQ(times.load(), 1);
    }
  }
}

TEST(ThreadPool, lets_no_worker_of_one_operation_reach_into_the_next) {
  ThreadPool pool(4);
  for (int round = 0; round < 2000; ++round) {
    // On the stack of this turn: a late worker would write to a dead object.
    std::vector<int64_t> sums(16, 0);
    pool.run(16, 1, [&](int64_t begin, int64_t) { sums[static_cast<size_t>(begin)] = round; });
    for (const int64_t sum : sums) ASSERT_EQ(sum, round);
  }
}

}  // namespace
}  // namespace plinth::engine::kernels
