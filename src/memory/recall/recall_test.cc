// SPDX-License-Identifier: Apache-2.0
// Fusion, and what a principal's recall may depend on.
#include "memory/recall/recall.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace plinth::memory {
namespace {

TEST(Fusion, weighs_the_cosine_against_the_share_of_the_best_word_score) {
  const auto fused = fuse({.by_vector = {{7, 0.9}, {3, 0.5}}, .by_word = {{3, 4.0}, {5, 1.0}}});
  ASSERT_EQ(fused.size(), 3u);
  EXPECT_EQ(fused[0].slot, 3u);
  EXPECT_DOUBLE_EQ(fused[0].score, 0.3 * 0.5 + 0.7);
  EXPECT_DOUBLE_EQ(fused[0].vector_score, 0.5);
  EXPECT_DOUBLE_EQ(fused[0].word_score, 4.0);
  EXPECT_EQ(fused[1].slot, 7u);
  EXPECT_DOUBLE_EQ(fused[1].score, 0.3 * 0.9);
  EXPECT_DOUBLE_EQ(fused[1].word_score, 0);
  EXPECT_EQ(fused[2].slot, 5u);
  EXPECT_DOUBLE_EQ(fused[2].score, 0.7 * 1.0 / 4.0);
}

TEST(Fusion, keeps_every_slot_of_either_list_once_and_orders_ties_by_slot) {
  const auto fused = fuse({.by_vector = {{9, 0.4}, {2, 0.4}}, .by_word = {}});
  ASSERT_EQ(fused.size(), 2u);
  EXPECT_EQ(fused[0].slot, 2u);
  EXPECT_EQ(fused[1].slot, 9u);
  EXPECT_EQ(fuse({.by_vector = {{1, 0.2}}, .by_word = {{1, 2.0}}}).size(), 1u);
  EXPECT_TRUE(fuse({}).empty());
}

class RecallTest : public testing::Test {
 protected:
  Status add(SpaceState& state, const std::string& id, const std::string& text,
             guard::Confidentiality readers = guard::Confidentiality::everyone()) {
    RememberEntry entry;
    entry.record.id = id;
    entry.record.text = text;
    entry.record.principal = "alice";
    entry.record.label.confidentiality = std::move(readers);
    entry.time = state.clock().tick({1});
    entry.vector = *embedder_->embed(text);
    store::StoredEntry stored;
    stored.subject = subject_of("notes", id);
    stored.body = encode(entry);
    return state.apply("origin_1", stored);
  }
  std::vector<Recalled> recall(const SpaceState& state, const std::string& principal,
                               const std::string& query, size_t limit = 100) {
    return recall_in(state, principal, query, *embedder_->embed(query), limit);
  }
  std::unique_ptr<Embedder> embedder_ = create_lexical_embedder();
};

TEST_F(RecallTest, returns_exactly_as_many_as_match_up_to_the_limit) {
  SpaceState state("notes", embedder_->dimensions());
  for (int i = 0; i < 20; ++i) {
    const std::string number = std::to_string(i);
    ASSERT_TRUE(add(state, "sky_" + number, "the sky on day " + number));
    ASSERT_TRUE(add(state, "other_" + number, "invoice overdue"));
  }
  for (const size_t limit : {0u, 1u, 7u, 20u, 100u}) {
    const auto found = recall(state, "bob", "sky", limit);
    EXPECT_EQ(found.size(), std::min<size_t>(limit, 20)) << limit;
    for (const Recalled& one : found) EXPECT_TRUE(one.record.id.starts_with("sky_"));
  }
}

TEST_F(RecallTest, needs_positive_evidence) {
  SpaceState state("notes", embedder_->dimensions());
  ASSERT_TRUE(add(state, "mem_1", "the sky is blue"));
  EXPECT_TRUE(recall(state, "bob", "quarterly revenue forecast").empty());
  EXPECT_TRUE(recall(state, "bob", "").empty());
  EXPECT_TRUE(recall(state, "bob", "…").empty());
}

// What a principal recalls, scores included, is the same whether or not records it may not read
// exist.
TEST_F(RecallTest, does_not_depend_on_records_the_principal_may_not_read) {
  SeededRandom random(5);
  const std::vector<std::string> words = {"sky", "blue",  "sea",  "green", "invoice",
                                          "cat", "mouse", "wolf", "river", "mountain"};
  const auto phrase = [&] {
    std::string text;
    for (uint64_t i = 0; i < 1 + random.below(6); ++i) text += words[random.below(10)] + " ";
    return text;
  };
  for (int round = 0; round < 20; ++round) {
    SpaceState whole("notes", embedder_->dimensions());
    SpaceState readable("notes", embedder_->dimensions());
    for (int i = 0; i < 30; ++i) {
      const std::string id = "mem_" + std::to_string(i);
      const std::string text = phrase();
      const bool is_hidden = random.below(2) == 0;
      ASSERT_TRUE(add(whole, id, text,
                      is_hidden ? guard::Confidentiality::only({"alice"})
                                : guard::Confidentiality::only({"alice", "bob"})));
      ASSERT_TRUE(is_hidden || add(readable, id, text).is_ok());
    }
    const std::string query = phrase();
    const auto a = recall(whole, "bob", query);
    const auto b = recall(readable, "bob", query);
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].record.id, b[i].record.id);
      EXPECT_EQ(a[i].score, b[i].score);
      EXPECT_EQ(a[i].word_score, b[i].word_score);
    }
    EXPECT_GE(recall(whole, "alice", query).size(), a.size());
  }
}

}  // namespace
}  // namespace plinth::memory
