// SPDX-License-Identifier: Apache-2.0
// The entries of a space as bytes.
#include "memory/records/record_entry.h"

#include <gtest/gtest.h>

namespace plinth::memory {
namespace {

RememberEntry an_entry() {
  RememberEntry entry;
  entry.record = {.id = "mem_1",
                  .text = "the sky is \"blue\"\n",
                  .written = {1000},
                  .principal = "alice",
                  .label = guard::Label::of({"user", "alice", guard::Trust::trusted},
                                            guard::Confidentiality::only({"alice", "bob"})),
                  .attributes = Json::object({{"topic", "weather"}, {"n", 3}})};
  entry.time = {1000, 7};
  entry.vector = {0.5f, -0.25f, 1e-30f};
  return entry;
}

TEST(RecordEntry, remember_comes_back_as_it_was) {
  const RememberEntry entry = an_entry();
  const auto decoded = decode_space_entry(encode(entry));
  ASSERT_TRUE(decoded) << decoded.error().message;
  const auto& again = std::get<RememberEntry>(*decoded);
  EXPECT_EQ(again.record.to_json(), entry.record.to_json());
  EXPECT_EQ(again.record.label, entry.record.label);
  EXPECT_EQ(again.time, entry.time);
  EXPECT_EQ(again.vector, entry.vector);
}

TEST(RecordEntry, forget_comes_back_as_it_was) {
  const auto decoded =
      decode_space_entry(encode(ForgetEntry{.id = "mem_1", .principal = "bob", .time = {5, 6}}));
  ASSERT_TRUE(decoded);
  const auto& again = std::get<ForgetEntry>(*decoded);
  EXPECT_EQ(again.id, "mem_1");
  EXPECT_EQ(again.principal, "bob");
  EXPECT_EQ(again.time, (HybridTime{5, 6}));
}

TEST(RecordEntry, a_field_that_is_missing_or_of_another_type_is_corrupt) {
  const Json whole = *Json::parse(encode(an_entry()));
  for (const char* field :
       {"version", "entry", "id", "time", "principal", "text", "label", "attributes", "vector"}) {
    Json without = whole;
    without.erase(field);
    EXPECT_EQ(decode_space_entry(without.dump()).error().code, ErrorCode::corrupt) << field;
    Json other = whole;
    other.set(field, Json(1.5));
    EXPECT_EQ(decode_space_entry(other.dump()).error().code, ErrorCode::corrupt) << field;
  }
  Json broken = whole;
  broken.set("id", "no/id");
  EXPECT_EQ(decode_space_entry(broken.dump()).error().code, ErrorCode::corrupt);
  broken = whole;
  broken.set("vector", "AAA=");
  EXPECT_EQ(decode_space_entry(broken.dump()).error().code, ErrorCode::corrupt);
  EXPECT_EQ(decode_space_entry("{").error().code, ErrorCode::corrupt);
  EXPECT_EQ(decode_space_entry("").error().code, ErrorCode::corrupt);
}

TEST(RecordEntry, what_a_newer_build_wrote_is_unsupported) {
  Json newer = *Json::parse(encode(an_entry()));
  newer.set("version", 2);
  EXPECT_EQ(decode_space_entry(newer.dump()).error().code, ErrorCode::unsupported);
  newer.set("version", 1).set("entry", "merge");
  EXPECT_EQ(decode_space_entry(newer.dump()).error().code, ErrorCode::unsupported);
}

TEST(RecordEntry, subjects_tell_spaces_apart_and_hide_ids) {
  EXPECT_NE(subject_of("notes", "mem_1"), subject_of("other", "mem_1"));
  EXPECT_NE(subject_of("notes", "mem_1"), subject_of("notes", "mem_2"));
  EXPECT_EQ(subject_of("notes", "mem_1"), subject_of("notes", "mem_1"));
  EXPECT_TRUE(subject_of("notes", "mem_1").starts_with("mem_"));
  EXPECT_EQ(subject_of("notes", "mem_1").find("mem_1"), std::string::npos);
}

TEST(RecordEntry, ids_are_checked) {
  EXPECT_TRUE(check_record_id("mem_01J.a:b-c"));
  for (const std::string& id : {std::string(), std::string("a/b"), std::string("a b"),
                                std::string(129, 'a'), std::string("ä")}) {
    EXPECT_EQ(check_record_id(id).error().code, ErrorCode::invalid_argument);
  }
}

TEST(HybridClock, never_ties_and_never_runs_backwards) {
  HybridClock clock;
  HybridTime before;
  for (const int64_t wall : {5, 5, 9, 3, 3, 10}) {
    const HybridTime now = clock.tick({wall});
    EXPECT_GT(now, before);
    before = now;
  }
  clock.see({100, 4});
  EXPECT_EQ(clock.tick({11}), (HybridTime{100, 5}));
  clock.see({50, 9});
  EXPECT_EQ(clock.tick({101}), (HybridTime{101, 0}));
}

}  // namespace
}  // namespace plinth::memory
