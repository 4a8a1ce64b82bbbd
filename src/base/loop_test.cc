// SPDX-License-Identifier: Apache-2.0
#include "base/loop.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <future>
#include <thread>
#include <vector>

namespace plinth {
namespace {

using namespace std::chrono_literals;

// In these tests the loop or pool is declared last: it ends before what its tasks refer to.
TEST(EventLoop, runs_tasks_in_order_on_one_thread_that_is_not_the_callers) {
  std::vector<int> order;
  std::promise<std::thread::id> done;
  EventLoop loop;
  loop.post([&] { order.push_back(1); });  // before start: kept
  loop.start();
  loop.post([&] { order.push_back(2); });
  loop.post([&] { done.set_value(std::this_thread::get_id()); });
  EXPECT_NE(done.get_future().get(), std::this_thread::get_id());
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(EventLoop, fires_timers_in_the_order_of_their_time) {
  std::vector<int> order;
  std::promise<void> done;
  EventLoop loop;
  loop.schedule(30ms, [&] {
    order.push_back(2);
    done.set_value();
  });
  loop.schedule(1ms, [&] { order.push_back(1); });
  loop.start();
  done.get_future().get();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(EventLoop, a_cancelled_timer_never_fires_even_when_it_is_already_due) {
  std::atomic<bool> is_fired{false};
  std::promise<void> done;
  EventLoop loop;
  loop.start();
  loop.post([&] {
    const TimerId timer = loop.schedule(0ns, [&] { is_fired = true; });
    std::this_thread::sleep_for(5ms);  // due, and its handler cannot run before this one ends
    loop.cancel(timer);
    loop.schedule(10ms, [&] { done.set_value(); });
  });
  done.get_future().get();
  EXPECT_FALSE(is_fired);
}

TEST(EventLoop, cancelling_a_timer_that_fired_or_never_was_does_nothing) {
  std::promise<void> done;
  EventLoop loop;
  const TimerId timer = loop.schedule(0ns, [&] { done.set_value(); });
  loop.start();
  done.get_future().get();
  loop.cancel(timer);
  loop.cancel(999);
}

TEST(EventLoop, a_timer_may_cancel_others_and_schedule_again) {
  std::promise<void> done;
  int rounds = 0;
  EventLoop loop;
  std::function<void()> again = [&] {
    loop.cancel(loop.schedule(1h, [] {}));
    if (++rounds == 3) return done.set_value();
    loop.schedule(1ms, again);
  };
  loop.schedule(0ns, again);
  loop.start();
  done.get_future().get();
  EXPECT_EQ(rounds, 3);
}

TEST(EventLoop, stop_is_safe_from_its_own_thread_and_again_from_another) {
  std::promise<void> stopped;
  EventLoop loop;
  loop.start();
  loop.post([&] {
    loop.stop();
    stopped.set_value();
  });
  stopped.get_future().get();
  loop.stop();
  loop.stop();
  loop.post([] { FAIL() << "a stopped loop runs nothing"; });
  loop.schedule(0ns, [] { FAIL() << "a stopped loop has no timers"; });
}

// Tasks may own objects whose end uses the loop once more.
TEST(EventLoop, tasks_dropped_at_the_end_may_still_call_it) {
  std::atomic<int> ended{0};
  {
    EventLoop loop;
    const auto guard = [&] {
      return std::shared_ptr<void>(nullptr, [&](void*) {
        loop.cancel(1);
        loop.post([] {});
        loop.schedule(1h, [] {});
        ++ended;
      });
    };
    loop.schedule(1h, [owned = guard()] {});
    loop.post([owned = guard()] {});
  }
  EXPECT_EQ(ended, 2);
}

TEST(EventLoop, survives_schedule_and_cancel_from_many_threads) {
  std::atomic<int> fired{0};
  EventLoop loop;
  loop.start();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const TimerId timer = loop.schedule(std::chrono::microseconds(i), [&] { ++fired; });
        if (i % 2) loop.cancel(timer);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 1000 && fired < 400; ++i) std::this_thread::sleep_for(1ms);
  EXPECT_GE(fired, 400);
  loop.stop();
}

TEST(WorkerPool, runs_tasks_beside_each_other) {
  std::promise<void> first;
  std::promise<void> second;
  WorkerPool pool(2, 8);
  ASSERT_TRUE(pool.submit([&] { second.get_future().get(); }).is_ok());
  ASSERT_TRUE(pool.submit([&] {
                    second.set_value();
                    first.set_value();
                  })
                  .is_ok());
  EXPECT_EQ(first.get_future().wait_for(10s), std::future_status::ready);
}

TEST(WorkerPool, refuses_with_overloaded_when_its_queue_is_full) {
  std::promise<void> started;
  std::promise<void> release;
  WorkerPool pool(1, 1);
  ASSERT_TRUE(pool.submit([&] {
                    started.set_value();
                    release.get_future().get();
                  })
                  .is_ok());
  started.get_future().get();
  ASSERT_TRUE(pool.submit([] {}).is_ok());
  EXPECT_EQ(pool.submit([] {}).error().code, ErrorCode::overloaded);
  release.set_value();
}

TEST(WorkerPool, stop_finishes_what_is_queued_and_refuses_the_rest) {
  std::atomic<int> ran{0};
  WorkerPool pool(1, 64);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(pool.submit([&] { ++ran; }).is_ok());
  pool.stop();
  EXPECT_EQ(ran, 50);
  EXPECT_EQ(pool.submit([] {}).error().code, ErrorCode::cancelled);
  pool.stop();
}

}  // namespace
}  // namespace plinth
