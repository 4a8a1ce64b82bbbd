// SPDX-License-Identifier: Apache-2.0
// BM25 against a reference written straight from the formula, over random collections with
// removals.
#include "memory/texts/word_index.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/random.h"

namespace plinth::memory {
namespace {

using Terms = std::vector<std::string>;
using Collection = std::map<Slot, Terms>;

// Nothing kept between calls, every count taken anew.
double reference_score(const Collection& collection, const Terms& query, Slot slot) {
  const Terms& document = collection.at(slot);
  double total = 0;
  for (const auto& [other, terms] : collection) total += static_cast<double>(terms.size());
  const double mean = total / static_cast<double>(collection.size());
  double score = 0;
  for (const std::string& term : query) {
    const auto times = static_cast<double>(std::count(document.begin(), document.end(), term));
    if (times == 0) continue;
    double having = 0;
    for (const auto& [other, terms] : collection) {
      having += std::find(terms.begin(), terms.end(), term) != terms.end() ? 1 : 0;
    }
    const double size = static_cast<double>(collection.size());
    const double idf = std::log(1 + (size - having + 0.5) / (having + 0.5));
    const double length = static_cast<double>(document.size());
    score += idf * times / (times + 0.9 * (1 - 0.4 + 0.4 * length / mean));
  }
  return score;
}

Terms random_terms(SeededRandom& random, size_t length_max) {
  Terms terms;
  const size_t length = random.below(length_max + 1);
  // Squaring makes low words frequent, as words are.
  for (size_t i = 0; i < length; ++i) {
    terms.push_back("t" + std::to_string(random.below(6) * random.below(6)));
  }
  return terms;
}

TEST(WordIndex, scores_as_the_formula_says_on_random_collections) {
  SeededRandom random(7);
  for (int round = 0; round < 60; ++round) {
    WordIndex index;
    Collection visible_part;
    Visible visible;
    const Slot count = static_cast<Slot>(random.below(40)) + 1;
    for (Slot slot = 0; slot < count; ++slot) {
      const Terms terms = random_terms(random, 20);
      index.add(slot, terms);
      const uint64_t fate = random.below(4);  // removed, hidden, or visible
      if (fate == 0) index.remove(slot);
      visible.push_back(fate > 1);
      if (fate > 1) visible_part[slot] = terms;
    }
    const Terms query = random_terms(random, 5);
    const auto ranked = index.search(query, visible);
    size_t matching = 0;
    for (const auto& [slot, terms] : visible_part) {
      matching += reference_score(visible_part, query, slot) > 0 ? 1 : 0;
    }
    ASSERT_EQ(ranked.size(), matching);
    for (size_t i = 0; i < ranked.size(); ++i) {
      EXPECT_NEAR(ranked[i].score, reference_score(visible_part, query, ranked[i].slot), 1e-9);
      EXPECT_TRUE(i == 0 || ranked[i].score <= ranked[i - 1].score);
    }
  }
}

TEST(WordIndex, after_removals_equals_an_index_that_never_had_the_records) {
  WordIndex changed;
  changed.add(0, {"sky", "blue"});
  changed.add(1, {"sky", "red", "red"});
  changed.add(2, {"sea"});
  changed.remove(1);
  changed.remove(1);
  changed.remove(99);
  WordIndex fresh;
  fresh.add(0, {"sky", "blue"});
  fresh.add(2, {"sea"});
  const Visible all(3, true);
  for (const Terms& query : {Terms{"sky"}, Terms{"red"}, Terms{"sea", "blue"}}) {
    const auto a = changed.search(query, all);
    const auto b = fresh.search(query, all);
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].slot, b[i].slot);
      EXPECT_EQ(a[i].score, b[i].score);
    }
  }
  EXPECT_EQ(changed.size(), 2u);
}

TEST(WordIndex, a_word_asked_for_twice_counts_twice) {
  WordIndex index;
  index.add(0, {"sky"});
  index.add(1, {"sea"});
  const Visible all(2, true);
  EXPECT_DOUBLE_EQ(index.search({"sky", "sky"}, all)[0].score,
                   2 * index.search({"sky"}, all)[0].score);
}

TEST(WordIndex, an_empty_index_or_query_finds_nothing) {
  WordIndex index;
  EXPECT_TRUE(index.search({"sky"}, {}).empty());
  index.add(0, {});
  EXPECT_TRUE(index.search({"sky"}, {true}).empty());
  EXPECT_TRUE(index.search({}, {true}).empty());
}

}  // namespace
}  // namespace plinth::memory
