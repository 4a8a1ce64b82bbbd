// SPDX-License-Identifier: Apache-2.0
// Events are lossy on purpose; what is tested is that a loss is always told.
#include "store/embedded/local_events.h"

#include <gtest/gtest.h>

#include <thread>

namespace plinth::store {
namespace {

TEST(LocalEvents, a_subscriber_gets_the_topics_below_its_prefix_in_order) {
  LocalEvents events;
  const auto runs = events.subscribe("run", 8);
  const auto all = events.subscribe("", 8);
  events.publish("run", "1");
  events.publish("model", "2");
  events.publish("run.step", "3");
  EXPECT_EQ(runs->try_next()->payload, "1");
  EXPECT_EQ(runs->try_next()->payload, "3");
  EXPECT_FALSE(runs->try_next());
  EXPECT_EQ(all->try_next()->payload, "1");
  EXPECT_EQ(all->try_next()->topic, "model");
}

TEST(LocalEvents, a_slow_subscriber_loses_the_oldest_events_and_is_told_once) {
  LocalEvents events;
  const auto slow = events.subscribe("", 3);
  for (int i = 0; i < 5; ++i) events.publish("run", std::to_string(i));
  const auto first = slow->try_next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->payload, "2");
  EXPECT_TRUE(first->is_resync);
  EXPECT_FALSE(slow->try_next()->is_resync);
  EXPECT_EQ(slow->try_next()->payload, "4");
  events.publish("run", "5");
  EXPECT_FALSE(slow->try_next()->is_resync);
}

TEST(LocalEvents, an_event_too_large_counts_as_lost) {
  LocalEvents events;
  const auto subscription = events.subscribe("", 3);
  events.publish("run", std::string(kEventPayloadBytesMax + 1, 'x'));
  EXPECT_FALSE(subscription->try_next());
  events.publish("run", "small");
  EXPECT_TRUE(subscription->try_next()->is_resync);
}

TEST(LocalEvents, next_waits_for_another_thread_and_gives_up_in_time) {
  LocalEvents events;
  const auto subscription = events.subscribe("", 3);
  EXPECT_FALSE(subscription->next(std::chrono::milliseconds(5)));
  std::thread publisher([&] { events.publish("run", "late"); });
  const auto event = subscription->next(std::chrono::seconds(10));
  publisher.join();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->payload, "late");
}

TEST(LocalEvents, on_ready_is_called_for_each_event_until_the_subscription_ends) {
  LocalEvents events;
  int called = 0;
  auto subscription = events.subscribe("run", 3);
  subscription->on_ready([&] { ++called; });
  events.publish("run", "1");
  events.publish("model", "2");
  events.publish("run", "3");
  EXPECT_EQ(called, 2);
  subscription.reset();
  events.publish("run", "4");
  EXPECT_EQ(called, 2);
}

TEST(LocalEvents, a_subscription_may_outlive_the_events) {
  auto events = std::make_unique<LocalEvents>();
  const auto subscription = events->subscribe("", 3);
  events->publish("run", "1");
  events.reset();
  EXPECT_EQ(subscription->try_next()->payload, "1");
}

}  // namespace
}  // namespace plinth::store
