// SPDX-License-Identifier: Apache-2.0
#include "base/ids.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace plinth {
namespace {

TEST(IdSource, makes_a_prefix_and_26_characters_of_crockford_base_32) {
  const ManualClock clock;
  SeededRandom random(1);
  const std::string id = IdSource(clock, random).make("run");
  ASSERT_EQ(id.size(), 4u + 26u);
  EXPECT_TRUE(id.starts_with("run_"));
  EXPECT_EQ(id.substr(4).find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ"), std::string::npos);
}

TEST(IdSource, writes_the_time_as_ulid_does) {
  const ManualClock clock(1'469'918'176'385);  // the example of the ULID specification
  SeededRandom random(1);
  EXPECT_EQ(IdSource(clock, random).make("x").substr(2, 10), "01ARYZ6S41");
}

TEST(IdSource, ids_sort_by_creation_time) {
  ManualClock clock;
  SeededRandom random(1);
  IdSource ids(clock, random);
  std::string before = ids.make("run");
  for (int i = 0; i < 200; ++i) {
    clock.advance(std::chrono::milliseconds(37));
    const std::string next = ids.make("run");
    EXPECT_LT(before, next);
    before = next;
  }
}

TEST(IdSource, does_not_repeat_within_one_millisecond) {
  const ManualClock clock;
  SeededRandom random(1);
  IdSource ids(clock, random);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(ids.make("run")).second);
}

TEST(IsName, accepts_short_lower_case_names_only) {
  for (const char* name : {"a", "0", "writer-2", "a.b_c", "llama3.1-8b"})
    EXPECT_TRUE(is_name(name));
  for (const char* name : {"", "-a", ".a", "_a", "A", "a b", "a/b", "..", "\u00e9", "a\n"}) {
    EXPECT_FALSE(is_name(name)) << name;
  }
  EXPECT_TRUE(is_name(std::string(64, 'a')));
  EXPECT_FALSE(is_name(std::string(65, 'a')));
  EXPECT_FALSE(is_name(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace plinth
