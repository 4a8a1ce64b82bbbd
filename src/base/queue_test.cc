// SPDX-License-Identifier: Apache-2.0
#include "base/queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace plinth {
namespace {

using namespace std::chrono_literals;

TEST(BoundedQueue, refuses_when_full_and_keeps_the_order) {
  BoundedQueue<int> queue(2);
  ASSERT_TRUE(queue.push(1).is_ok());
  ASSERT_TRUE(queue.push(2).is_ok());
  EXPECT_EQ(queue.push(3).error().code, ErrorCode::overloaded);
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.try_pop(), 1);
  EXPECT_EQ(queue.pop(), 2);
  EXPECT_EQ(queue.try_pop(), std::nullopt);
}

TEST(BoundedQueue, gives_out_what_it_holds_after_closing_and_takes_nothing_more) {
  BoundedQueue<std::unique_ptr<int>> queue(4);
  ASSERT_TRUE(queue.push(std::make_unique<int>(1)).is_ok());
  queue.close();
  EXPECT_TRUE(queue.is_closed());
  EXPECT_EQ(queue.push(std::make_unique<int>(2)).error().code, ErrorCode::cancelled);
  EXPECT_EQ(**queue.pop(), 1);
  EXPECT_FALSE(queue.pop().has_value());
}

TEST(BoundedQueue, pop_for_gives_up_after_its_span) {
  BoundedQueue<int> queue(1);
  EXPECT_EQ(queue.pop_for(5ms), std::nullopt);
  ASSERT_TRUE(queue.push(4).is_ok());
  EXPECT_EQ(queue.pop_for(1h), 4);
}

TEST(BoundedQueue, closing_wakes_every_waiter) {
  BoundedQueue<int> queue(1);
  std::vector<std::thread> waiters;
  for (int i = 0; i < 3; ++i) waiters.emplace_back([&] { EXPECT_FALSE(queue.pop().has_value()); });
  queue.close();
  for (std::thread& waiter : waiters) waiter.join();
}

TEST(BoundedQueue, loses_and_repeats_nothing_between_threads) {
  constexpr int kItems = 2000;
  BoundedQueue<int> queue(16);
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> consumers;
  for (int i = 0; i < 2; ++i) {
    consumers.emplace_back([&] {
      while (const auto item = queue.pop()) sum += *item;
    });
  }
  for (int i = 1; i <= kItems; ++i) {
    while (queue.push(i).is_error()) std::this_thread::yield();
  }
  queue.close();
  for (std::thread& consumer : consumers) consumer.join();
  EXPECT_EQ(sum, int64_t{kItems} * (kItems + 1) / 2);
}

}  // namespace
}  // namespace plinth
