// SPDX-License-Identifier: Apache-2.0
#include "engine/speculation/ngram_index.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace plinth::engine {
namespace {

using Match = std::optional<NgramIndex::Match>;

// By looking at every place: the longest match, the latest of equally long ones.
Match find_slowly(const std::vector<Token>& tokens) {
  Match best;
  for (size_t next = tokens.size() - 1; next >= 1; --next) {
    size_t length = 0;
    while (length < next && length < NgramIndex::kMatchTokensMax &&
           tokens[next - 1 - length] == tokens[tokens.size() - 1 - length]) {
      ++length;
    }
    if (length >= NgramIndex::kNgramTokens && (!best || length > best->length)) {
      best = NgramIndex::Match{next, length};
    }
  }
  return best;
}

TEST(NgramIndex, finds_the_longest_earlier_match_as_a_search_of_every_place_does) {
  SeededRandom random(3);
  int found = 0;
  for (int round = 0; round < 200; ++round) {
    NgramIndex index;
    std::vector<Token> tokens;
    const uint64_t alphabet = 4 + random.below(4);  // few n-grams stand in over 16 places of 60
    for (int i = 0; i < 60; ++i) {
      tokens.push_back(static_cast<Token>(random.below(alphabet)));
      if (random.below(4) == 0) continue;  // several tokens between two calls
      index.extend(tokens);
      const Match match = index.find(tokens);
      const Match expected = find_slowly(tokens);
      ASSERT_EQ(match.has_value(), expected.has_value());
      if (!match) continue;
      EXPECT_EQ(match->length, expected->length);
      EXPECT_EQ(match->next, expected->next);
      ++found;
    }
  }
  EXPECT_GT(found, 1000);
}

TEST(NgramIndex, looks_at_the_most_recent_places_alone_where_there_are_many) {
  // The end fits best to the first of more places than are compared.
  std::vector<Token> tokens = {9, 8, 1, 2, 3, 50};
  for (Token i = 0; i < static_cast<Token>(NgramIndex::kCandidatesMax); ++i) {
    tokens.insert(tokens.end(), {100 + i, 1, 2, 3});
  }
  tokens.insert(tokens.end(), {9, 8, 1, 2, 3});
  NgramIndex index;
  index.extend(tokens);
  const Match match = index.find(tokens);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->length, 3u);
  EXPECT_EQ(match->next, tokens.size() - 5);
}

TEST(NgramIndex, finds_nothing_in_tokens_that_do_not_repeat) {
  NgramIndex index;
  std::vector<Token> tokens;
  for (Token i = 0; i < 100; ++i) {
    tokens.push_back(i);
    index.extend(tokens);
    EXPECT_FALSE(index.find(tokens));
  }
}

}  // namespace
}  // namespace plinth::engine
