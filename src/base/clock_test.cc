// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <gtest/gtest.h>

#include "base/deadline.h"

namespace plinth {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(WallTime, is_written_as_iso_8601_in_utc_with_milliseconds) {
  EXPECT_EQ(WallTime{0}.iso8601(), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(WallTime{1'769'860'800'123}.iso8601(), "2026-01-31T12:00:00.123Z");
  EXPECT_EQ(WallTime{951'782'400'000}.iso8601(), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(WallTime{-1}.iso8601(), "1969-12-31T23:59:59.999Z");
}

TEST(WallTime, outside_four_digit_years_is_written_as_the_nearest_inside) {
  EXPECT_EQ(WallTime{INT64_MAX}.iso8601(), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(WallTime{INT64_MIN}.iso8601(), "0000-01-01T00:00:00.000Z");
}

TEST(SystemClock, monotonic_time_never_goes_back) {
  const SystemClock clock;
  const MonotonicTime first = clock.now();
  EXPECT_GE(clock.now(), first);
  EXPECT_GT(clock.wall().unix_ms, 1'700'000'000'000);
}

TEST(ManualClock, advances_both_clocks_by_the_same_span) {
  ManualClock clock(1000);
  const MonotonicTime before = clock.now();
  clock.advance(seconds(2));
  EXPECT_EQ(clock.now() - before, seconds(2));
  EXPECT_EQ(clock.wall().unix_ms, 3000);
}

TEST(Deadline, passes_at_its_time_and_leaves_nothing_after) {
  ManualClock clock;
  const Deadline deadline = Deadline::after(clock, milliseconds(10));
  EXPECT_FALSE(deadline.has_passed(clock));
  EXPECT_EQ(deadline.remaining(clock), milliseconds(10));
  clock.advance(milliseconds(10));
  EXPECT_TRUE(deadline.has_passed(clock));
  clock.advance(milliseconds(10));
  EXPECT_EQ(deadline.remaining(clock), Duration::zero());
}

TEST(Deadline, none_never_passes_and_loses_to_any_other) {
  ManualClock clock;
  const Deadline none = Deadline::none();
  EXPECT_FALSE(none.has_passed(clock));
  EXPECT_EQ(none.remaining(clock), Duration::max());
  const Deadline soon = Deadline::after(clock, seconds(1));
  const Deadline late = Deadline::after(clock, seconds(9));
  EXPECT_EQ(none.earlier(soon).time(), soon.time());
  EXPECT_EQ(soon.earlier(none).time(), soon.time());
  EXPECT_EQ(late.earlier(soon).time(), soon.time());
  EXPECT_TRUE(none.earlier(Deadline::none()).is_none());
}

TEST(Cancellation, is_seen_by_every_copy) {
  Cancellation cancellation;
  const Cancellation copy = cancellation;
  EXPECT_FALSE(copy.is_cancelled());
  cancellation.cancel();
  EXPECT_TRUE(copy.is_cancelled());
}

}  // namespace
}  // namespace plinth
