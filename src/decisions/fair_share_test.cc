// SPDX-License-Identifier: Apache-2.0
#include "decisions/fair_share.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

namespace plinth::decisions {
namespace {

TEST(FairShare, serves_groups_alike_whatever_they_ask_for) {
  FairShare share;
  // One floods with long requests, one asks for short ones; both always want more.
  share.arrive("flood");
  share.arrive("small");
  double flood = 0;
  double small = 0;
  for (int i = 0; i < 10'000; ++i) {
    const bool is_small = share.served("small") < share.served("flood");
    (is_small ? small : flood) += is_small ? 10 : 1000;
    share.charge(is_small ? "small" : "flood", is_small ? 10 : 1000);
  }
  EXPECT_NEAR(flood / small, 1, 0.02);
}

TEST(FairShare, gives_more_to_a_group_of_more_weight) {
  FairShare share;
  share.arrive("a");
  share.arrive("b");
  double a = 0;
  double b = 0;
  for (int i = 0; i < 10'000; ++i) {
    const bool is_a = share.served("a") <= share.served("b");
    (is_a ? a : b) += 1;
    share.charge(is_a ? "a" : "b", 1, is_a ? 3 : 1);
  }
  EXPECT_NEAR(a / b, 3, 0.01);
}

TEST(FairShare, lets_nobody_save_up_by_being_idle) {
  FairShare share;
  share.arrive("busy");
  share.charge("busy", 1'000'000);
  share.arrive("late");
  EXPECT_EQ(share.served("late"), 1'000'000);
  share.charge("late", 10);
  share.leave("late");
  // Nor does idleness pay back what was had.
  share.arrive("late");
  EXPECT_EQ(share.served("late"), 1'000'010);
}

TEST(FairShare, starts_level_after_a_time_without_requests) {
  FairShare share;
  share.arrive("a");
  share.charge("a", 500);
  share.leave("a");
  EXPECT_EQ(share.active_groups(), 0);
  share.arrive("b");
  share.arrive("a");
  EXPECT_EQ(share.served("a"), share.served("b"));
}

TEST(FairShare, shares_between_tenants_whatever_number_of_principals_each_has) {
  FairShare share;
  const std::vector<std::string> groups = {"big/1", "big/2", "big/3", "small/1"};
  for (const std::string& group : groups) share.arrive(group);
  EXPECT_EQ(share.active_groups(), 2);
  std::map<std::string, double> had;
  for (int i = 0; i < 12'000; ++i) {
    const auto next = std::min_element(
        groups.begin(), groups.end(),
        [&](const std::string& a, const std::string& b) { return share.is_before(a, b); });
    had[*next] += 1;
    share.charge(*next, 1);
  }
  EXPECT_NEAR(had["small/1"], 6'000, 10);
  for (const char* group : {"big/1", "big/2", "big/3"}) EXPECT_NEAR(had[group], 2'000, 10);
}

TEST(FairShare, parts_groups_where_they_differ_first) {
  using Pair = std::pair<std::string_view, std::string_view>;
  EXPECT_EQ(FairShare::parting("a/1", "b/1"), Pair("a", "b"));
  EXPECT_EQ(FairShare::parting("a/1", "a/2"), Pair("a/1", "a/2"));
  EXPECT_EQ(FairShare::parting("a/1", "a/1"), Pair("a/1", "a/1"));
  EXPECT_EQ(FairShare::parting("", "a"), Pair("", "a"));
  EXPECT_EQ(FairShare::parting("ab", "a/1"), Pair("ab", "a"));
}

TEST(FairShare, forgets_idle_groups_and_no_others) {
  FairShare share;
  share.arrive("stays");
  share.charge("stays", 5);
  for (size_t i = 0; i < 3 * FairShare::kGroupsMax; ++i) {
    const std::string name = "g" + std::to_string(i);
    share.arrive(name);
    share.charge(name, static_cast<double>(i));
    share.leave(name);
  }
  EXPECT_EQ(share.served("stays"), 5);
  EXPECT_EQ(share.active_groups(), 1);
}

}  // namespace
}  // namespace plinth::decisions
