// SPDX-License-Identifier: Apache-2.0
// The fold: the same state from the same entries, whatever order the streams are read in.
#include "memory/records/space_state.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace plinth::memory {
namespace {

constexpr size_t kSize = 4;

store::StoredEntry stored(const std::string& id, std::string body) {
  return {
      .sequence = 1, .written = {}, .subject = subject_of("notes", id), .body = std::move(body)};
}

store::StoredEntry remembered(const std::string& id, const std::string& text, HybridTime time) {
  RememberEntry entry;
  entry.record.id = id;
  entry.record.text = text;
  entry.record.principal = "alice";
  entry.time = time;
  entry.vector.assign(kSize, 0.5f);
  return stored(id, encode(entry));
}

store::StoredEntry forgotten(const std::string& id, HybridTime time) {
  return stored(id, encode(ForgetEntry{.id = id, .principal = "alice", .time = time}));
}

struct Written {
  std::string origin;
  store::StoredEntry entry;
};

std::string text_of(const SpaceState& state) {
  std::string text;
  for (const Slot slot : state.newest_first()) {
    text += state.at(slot).id + "=" + state.at(slot).text + " ";
  }
  return text;
}

TEST(SpaceState, does_not_depend_on_the_order_of_reading) {
  SeededRandom random(3);
  std::vector<Written> entries;
  for (int i = 0; i < 60; ++i) {
    const std::string origin = "origin_" + std::to_string(random.below(3));
    const std::string id = "mem_" + std::to_string(random.below(15));
    const HybridTime time{static_cast<int64_t>(random.below(10)), 0};
    if (random.below(5) == 0) {
      entries.push_back({origin, forgotten(id, time)});
    } else {
      entries.push_back({origin, remembered(id, "text" + std::to_string(i), time)});
    }
  }
  // Two entries of one id, time and origin cannot be: a clock never ties.
  std::set<std::pair<std::string, std::string>> seen;
  std::erase_if(entries, [&](const Written& w) {
    const auto decoded = *decode_space_entry(w.entry.body);
    const auto* remember = std::get_if<RememberEntry>(&decoded);
    return remember != nullptr &&
           !seen.insert({w.origin + std::to_string(remember->time.wall_ms), remember->record.id})
                .second;
  });
  std::string first;
  for (int round = 0; round < 50; ++round) {
    for (size_t i = entries.size(); i > 1; --i) std::swap(entries[i - 1], entries[random.below(i)]);
    SpaceState state("notes", kSize);
    for (const Written& written : entries) ASSERT_TRUE(state.apply(written.origin, written.entry));
    if (round == 0) first = text_of(state);
    EXPECT_EQ(text_of(state), first);
    EXPECT_EQ(state.words().size(), state.size());
  }
  EXPECT_NE(first, "");
}

TEST(SpaceState, the_earlier_of_two_records_with_one_id_stays) {
  for (const bool is_reversed : {false, true}) {
    SpaceState state("notes", kSize);
    std::vector<Written> entries = {{"b", remembered("mem_1", "late", {9, 0})},
                                    {"a", remembered("mem_1", "early", {2, 0})}};
    if (is_reversed) std::swap(entries[0], entries[1]);
    for (const Written& written : entries) ASSERT_TRUE(state.apply(written.origin, written.entry));
    EXPECT_EQ(state.find("mem_1")->text, "early");
    EXPECT_EQ(state.size(), 1u);
    EXPECT_EQ(state.words().size(), 1u);
  }
}

TEST(SpaceState, a_forgotten_id_stays_forgotten_and_its_text_is_to_be_erased) {
  SpaceState state("notes", kSize);
  ASSERT_TRUE(state.apply("a", remembered("mem_1", "x", {1, 0})));
  ASSERT_TRUE(state.apply("b", forgotten("mem_1", {0, 0})));
  EXPECT_EQ(state.find("mem_1"), nullptr);
  EXPECT_TRUE(state.is_forgotten("mem_1"));
  EXPECT_EQ(state.take_to_erase(), std::vector<std::string>{"mem_1"});
  EXPECT_TRUE(state.take_to_erase().empty());
  ASSERT_TRUE(state.apply("c", remembered("mem_1", "again", {5, 0})));
  EXPECT_EQ(state.find("mem_1"), nullptr);
  EXPECT_EQ(state.take_to_erase(), std::vector<std::string>{"mem_1"});
}

TEST(SpaceState, an_erased_entry_marks_its_id_as_forgotten) {
  SpaceState state("notes", kSize);
  store::StoredEntry entry = remembered("mem_1", "x", {1, 0});
  entry.body.clear();
  entry.is_erased = true;
  ASSERT_TRUE(state.apply("a", entry));
  EXPECT_TRUE(state.is_forgotten("mem_1"));
  EXPECT_TRUE(state.take_to_erase().empty());
}

TEST(SpaceState, an_entry_that_cannot_be_read_or_has_another_length_is_corrupt) {
  SpaceState state("notes", kSize + 1);
  EXPECT_EQ(state.apply("a", remembered("mem_1", "x", {1, 0})).error().code, ErrorCode::corrupt);
  EXPECT_EQ(state.apply("a", stored("mem_1", "not json")).error().code, ErrorCode::corrupt);
  EXPECT_EQ(state.size(), 0u);
}

}  // namespace
}  // namespace plinth::memory
