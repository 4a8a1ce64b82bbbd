// SPDX-License-Identifier: Apache-2.0
// Leases under a clock that the test moves, over the embedded store.
#include "store/leases.h"

#include <gtest/gtest.h>

#include "store/embedded/test_folder.h"

namespace plinth::store {
namespace {

using std::chrono::seconds;

class LeasesTest : public testing::Test {
 protected:
  LeasesTest()
      : store_(MUST(open_embedded(parts_.options(folder_.path())), "a test's own folder")),
        first_(store_->key_value(), parts_.clock),
        second_(store_->key_value(), parts_.clock) {}

  const std::string key_ = "default/lease/leader";
  TestFolder folder_;
  TestParts parts_;
  std::unique_ptr<Store> store_;
  Leases first_;
  Leases second_;
};

TEST_F(LeasesTest, a_free_lease_is_acquired_and_a_held_one_names_its_holder) {
  const auto lease = first_.acquire(key_, "node_a", seconds(10));
  ASSERT_TRUE(lease);
  EXPECT_EQ(lease->epoch, 1u);
  const auto refused = second_.acquire(key_, "node_b", seconds(10));
  ASSERT_TRUE(refused.is_error());
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_NE(refused.error().message.find("node_a"), std::string::npos);
}

TEST_F(LeasesTest, a_lease_expires_only_after_the_observer_watched_it_for_its_time_to_live) {
  ASSERT_TRUE(first_.acquire(key_, "node_a", seconds(10)));
  parts_.clock.advance(seconds(60));
  ASSERT_TRUE(second_.acquire(key_, "node_b", seconds(10)).is_error()) << "first sight starts it";
  parts_.clock.advance(seconds(9));
  ASSERT_TRUE(second_.acquire(key_, "node_b", seconds(10)).is_error());
  parts_.clock.advance(seconds(1));
  const auto taken = second_.acquire(key_, "node_b", seconds(10));
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->epoch, 2u);
}

TEST_F(LeasesTest, renewing_keeps_a_lease_from_expiring) {
  auto lease = first_.acquire(key_, "node_a", seconds(10));
  ASSERT_TRUE(lease);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(second_.acquire(key_, "node_b", seconds(10)).is_error());
    parts_.clock.advance(seconds(6));
    lease = first_.renew(*lease);
    ASSERT_TRUE(lease);
    EXPECT_EQ(lease->epoch, 1u);
  }
}

TEST_F(LeasesTest, the_old_holder_is_stale_after_a_takeover) {
  const auto lease = first_.acquire(key_, "node_a", seconds(10));
  ASSERT_TRUE(lease);
  ASSERT_TRUE(second_.acquire(key_, "node_b", seconds(10)).is_error());
  parts_.clock.advance(seconds(11));
  ASSERT_TRUE(second_.acquire(key_, "node_b", seconds(10)));
  EXPECT_EQ(first_.renew(*lease).error().code, ErrorCode::stale);
  EXPECT_EQ(first_.release(*lease).error().code, ErrorCode::stale);
  EXPECT_EQ(first_.acquire(key_, "node_a", seconds(10)).error().code, ErrorCode::conflict);
}

TEST_F(LeasesTest, a_released_lease_is_free_at_once_and_its_epoch_goes_on) {
  const auto lease = first_.acquire(key_, "node_a", seconds(10));
  ASSERT_TRUE(lease);
  ASSERT_TRUE(first_.release(*lease));
  const auto next = second_.acquire(key_, "node_b", seconds(10));
  ASSERT_TRUE(next);
  EXPECT_EQ(next->epoch, 2u);
  EXPECT_EQ(first_.renew(*lease).error().code, ErrorCode::stale);
}

TEST_F(LeasesTest, the_holder_acquires_its_own_lease_again_in_the_same_epoch) {
  const auto lease = first_.acquire(key_, "node_a", seconds(10));
  ASSERT_TRUE(lease);
  const auto again = first_.acquire(key_, "node_a", seconds(20));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->epoch, 1u);
  EXPECT_TRUE(first_.renew(*lease)) << "an older copy of the same holder's lease still counts";
}

TEST_F(LeasesTest, impossible_arguments_and_foreign_values_are_refused) {
  EXPECT_EQ(first_.acquire(key_, "", seconds(1)).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(first_.acquire(key_, "a", seconds(0)).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(first_.acquire(key_, "a", seconds(90'000)).error().code, ErrorCode::invalid_argument);
  ASSERT_TRUE(store_->key_value().put(key_, "{\"holder\":1}", kAnyRevision));
  EXPECT_EQ(first_.acquire(key_, "a", seconds(1)).error().code, ErrorCode::corrupt);
  ASSERT_TRUE(store_->key_value().put(key_, "not json", kAnyRevision));
  EXPECT_EQ(first_.acquire(key_, "a", seconds(1)).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace plinth::store
