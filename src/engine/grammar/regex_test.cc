// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <regex>

#include "engine/grammar/front_ends.h"
#include "engine/grammar/testing/oracle.h"

namespace plinth::engine::grammar {
namespace {

std::shared_ptr<CompiledGrammar> compiled(const std::string& pattern) {
  const auto made =
      CompiledGrammar::compile({GrammarText::Kind::regex, pattern}, testing::byte_trie());
  EXPECT_TRUE(made.is_ok()) << pattern << ": " << made.error().message;
  return made.is_ok() ? *made : nullptr;
}

std::string message_of(const std::string& pattern) {
  const auto made =
      CompiledGrammar::compile({GrammarText::Kind::regex, pattern}, testing::byte_trie());
  if (made.is_ok()) return "compiled";
  EXPECT_EQ(made.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(made.error().param, "grammar");
  return made.error().message;
}

class PatternWriter {
 public:
  explicit PatternWriter(Random& random) : random_(random) {}

  std::string write(int depth) {
    std::string pattern;
    const uint64_t alternatives = 1 + random_.below(depth > 0 ? 3 : 1);
    for (uint64_t i = 0; i < alternatives; ++i) {
      if (i > 0) pattern += "|";
      for (uint64_t left = random_.below(4); left > 0; --left) pattern += item(depth);
    }
    return pattern;
  }

 private:
  std::string item(int depth) {
    constexpr const char* kAtoms[] = {"a",      "b",   "c",   ".",   "[ab]", "[^a]",
                                      "[b-c1]", "\\d", "\\w", "\\D", "\\.",  "\\s"};
    std::string made = depth > 0 && random_.below(3) == 0 ? "(?:" + write(depth - 1) + ")"
                                                          : kAtoms[random_.below(12)];
    constexpr const char* kQuantifiers[] = {"*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "{0,2}"};
    if (random_.below(3) == 0) made += kQuantifiers[random_.below(8)];
    return made;
  }

  Random& random_;
};

TEST(Regex, decides_like_the_standard_library_on_random_patterns_and_texts) {
  SeededRandom random(7);
  PatternWriter writer(random);
  int accepted = 0;
  for (int round = 0; round < 60; ++round) {
    const std::string pattern = writer.write(2);
    const auto grammar = compiled(pattern);
    ASSERT_TRUE(grammar) << pattern;
    const std::regex expected(pattern);
    for (int i = 0; i < 60; ++i) {
      std::string text;
      for (uint64_t left = random.below(7); left > 0; --left) text += "abc1. "[random.below(6)];
      const bool is_accepted = testing::accepts(*grammar, text);
      ASSERT_EQ(is_accepted, std::regex_match(text, expected)) << pattern << " on " << text;
      accepted += is_accepted ? 1 : 0;
    }
    std::string text;
    if (testing::generate(*grammar, random, 24, text) &&
        text.find_first_of("\n\r") == std::string::npos &&
        std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; })) {
      ASSERT_TRUE(std::regex_match(text, expected)) << pattern << " generated " << text;
    }
  }
  EXPECT_GT(accepted, 150);  // of 3,600: neither all alike nor all different
}

TEST(Regex, matches_characters_not_bytes) {
  const auto grammar = compiled("[\\u00e0-\\u00ff]{2}.\\u{1F600}?");
  EXPECT_TRUE(testing::accepts(*grammar, "\xc3\xa9\xc3\xb6x"));
  EXPECT_TRUE(testing::accepts(*grammar, "\xc3\xa9\xc3\xb6\xe4\xb8\xad\xf0\x9f\x98\x80"));
  EXPECT_FALSE(testing::accepts(*grammar, "\xc3\xa9x"));
  EXPECT_FALSE(testing::accepts(*grammar, "\xc3\xa9\xc3\xb6\xc3"));          // half a character
  EXPECT_FALSE(testing::accepts(*grammar, "\xc3\xa9\xc3\xb6\xed\xa0\x80"));  // a surrogate
  EXPECT_FALSE(testing::accepts(*grammar, "\xc3\xa9\xc3\xb6\xc1\xa1"));      // overlong
}

TEST(Regex, counts_where_counts_overlap_or_multiply) {
  const auto overlapping = compiled("(?:a|b)*a(?:a|b){40}");
  EXPECT_TRUE(testing::accepts(*overlapping, "bba" + std::string(40, 'b')));
  EXPECT_TRUE(testing::accepts(*overlapping, std::string(90, 'a')));
  EXPECT_FALSE(testing::accepts(*overlapping, "bba" + std::string(41, 'b')));
  EXPECT_FALSE(testing::accepts(*overlapping, "bba" + std::string(39, 'b')));
  const auto multiplied = compiled("(?:(?:ab){4096}){4096}(?:c{50}){50}");
  auto place = multiplied->start();
  EXPECT_TRUE(multiplied->advance(place, "ababab"));
  EXPECT_FALSE(multiplied->advance(place, "c"));
}

TEST(Regex, takes_unicode_categories) {
  const auto grammar = compiled("\\p{Lu}\\p{L}*\\P{L}");
  EXPECT_TRUE(testing::accepts(*grammar, "\xd0\x96\xd0\xb6\xe4\xb8\xad!"));
  EXPECT_FALSE(testing::accepts(*grammar, "\xd0\xb6!"));
  EXPECT_FALSE(testing::accepts(*grammar, "\xd0\x96x"));
}

TEST(Regex, takes_anchors_where_they_change_nothing) {
  for (const char* pattern : {"^ab$", "^ab|ab$", "ab"}) {
    const auto grammar = compiled(pattern);
    EXPECT_TRUE(testing::accepts(*grammar, "ab"));
    EXPECT_FALSE(testing::accepts(*grammar, "xab"));
  }
}

TEST(Regex, refuses_what_it_cannot_do_and_says_where) {
  const std::pair<const char*, const char*> kRefused[] = {
      {"a(?=b)", "byte 1, '(?=b)': looking ahead"},
      {"a(?<!b)", "byte 1"},
      {"(a)\\1", "byte 3, '\\1': this escape is not taken"},
      {"\\bword", "byte 0, '\\bword'"},
      {"a**", "byte 2, '*': nothing stands before this"},
      {"a{3,2}", "byte 1, '{3,2}': more repetitions at least than at most"},
      {"a{1,100000}", "at most 4096 repetitions"},
      {"[a-", "the character class does not end"},
      {"(ab", "byte 0, '(ab': the group does not end"},
      {"ab)", "byte 2, ')'"},
      {"a^b", "'^' is taken only"},
      {"(a$)b", "'$' is taken only"},
      {"\\p{Greek}", "this property is not known"},
      {"[z-a]", "a range goes from"},
      {"(?:(?:a|b)*c(?:a|b)*d(?:a|b)*e)*(?:a|b)*a(?:a|b)(?:a|b)(?:a|b)(?:a|b)(?:a|b)(?:a|b)(?:a|b)"
       "(?:a|b)(?:a|b)(?:a|b)(?:a|b)(?:a|b)(?:a|b)(?:a|b)(?:a|b)(?:a|b)(?:a|b)(?:a|b)(?:a|b)",
       "lower the bounds"},
      {"[^\\s\\S]", "matches nothing"},
  };
  for (const auto& [pattern, part] : kRefused) {
    EXPECT_NE(message_of(pattern).find(part), std::string::npos)
        << pattern << ": " << message_of(pattern);
  }
  EXPECT_NE(message_of(std::string(300, '(')).find("nested deeper"), std::string::npos);
}

}  // namespace
}  // namespace plinth::engine::grammar
