// SPDX-License-Identifier: Apache-2.0
// Ends are texts of the grammar, and no shorter ones exist.
#include <gtest/gtest.h>

#include <set>

#include "engine/grammar/front_ends.h"
#include "engine/grammar/testing/oracle.h"

namespace plinth::engine::grammar {
namespace {

const GrammarText kGrammars[] = {
    {GrammarText::Kind::json_schema, "{}"},
    {GrammarText::Kind::json_schema,
     R"({"type":"object","properties":{"name":{"type":"string"},"data":{"type":"array","items":{"type":"number"},"minItems":2}},
        "required":["name","data"],"additionalProperties":{"$ref":"#"}})"},
    {GrammarText::Kind::regex, "(?:[a-z]{2,9} |\\d{3}-\\d{4}){1,4}\\."},
    {GrammarText::Kind::gbnf, "root ::= \"(\" root \")\" | \"[\" root \"]\" root | [a-c]+"},
};

std::string text_of(const TokenTrie& trie, const std::vector<Token>& tokens) {
  std::string text;
  for (const Token token : tokens) text += trie.text(token);
  return text;
}

TEST(ShortestEnd, ends_any_beginning_within_the_grammar) {
  const auto trie = testing::byte_trie();
  constexpr size_t kMost = 1000;
  for (const GrammarText& text : kGrammars) {
    const auto grammar = MUST(CompiledGrammar::compile(text, trie), "the grammar is well-formed");
    SeededRandom random(7);
    for (int i = 0; i < 40; ++i) {
      std::string whole;
      if (!testing::generate(*grammar, random, 60, whole)) continue;
      for (size_t length = 0; length <= whole.size(); ++length) {
        auto place = grammar->start();
        ASSERT_TRUE(grammar->advance(place, whole.substr(0, length)));
        const auto end = grammar->shortest_end(place, {}, kMost);
        ASSERT_TRUE(end.has_value()) << whole.substr(0, length);
        const std::string closed = whole.substr(0, length) + text_of(*trie, *end);
        EXPECT_TRUE(testing::accepts(*grammar, closed)) << closed;
        EXPECT_LE(end->size(), whole.size() - length) << closed << " against " << whole;
        // What one byte more leaves to do is one byte less at best.
        if (length == whole.size()) continue;
        const auto after = grammar->shortest_end(place, whole.substr(length, 1), kMost);
        ASSERT_TRUE(after.has_value());
        EXPECT_GE(after->size() + 1, end->size());
      }
    }
  }
}

// Every text of the language up to a length, tried one by one.
TEST(ShortestEnd, no_shorter_end_exists) {
  const auto trie = testing::byte_trie();
  const auto grammar =
      MUST(CompiledGrammar::compile({GrammarText::Kind::gbnf,
                                     "root ::= \"a\" inner \"b\" | \"c\" root root | \"d\"\ninner "
                                     "::= \"x\" inner \"yy\" | \"zzz\""},
                                    trie),
           "the grammar is well-formed");
  const std::string alphabet = "abcdxyz";
  std::vector<std::string> texts = {""};
  std::map<std::string, size_t> shortest;  // by beginning, of the texts that were found
  for (int length = 0; length <= 6; ++length) {
    std::vector<std::string> longer;
    for (const std::string& text : texts) {
      auto place = grammar->start();
      if (!grammar->advance(place, text)) continue;
      if (grammar->is_end_allowed(place)) {
        for (size_t begin = 0; begin <= text.size(); ++begin) {
          const auto [known, is_new] = shortest.emplace(text.substr(0, begin), text.size() - begin);
          known->second = std::min(known->second, text.size() - begin);
        }
      }
      for (const char c : alphabet) longer.push_back(text + c);
    }
    texts = std::move(longer);
  }
  ASSERT_GE(shortest.size(), 10u);
  for (const auto& [beginning, bytes] : shortest) {
    auto place = grammar->start();
    ASSERT_TRUE(grammar->advance(place, beginning));
    const auto end = grammar->shortest_end(place, {}, 100);
    ASSERT_TRUE(end.has_value()) << beginning;
    EXPECT_EQ(end->size(), bytes) << beginning;
  }
}

// Rules that call others twice are short and their shortest texts are not; an end that is too long
// to be written is none, and asking for it costs nothing.
TEST(ShortestEnd, an_end_that_doubles_with_every_rule_is_none) {
  std::string text = "root ::= \"a\" r64 | \"b\" (\"!\" | r64 root)\nr0 ::= \"x\"\n";
  for (int i = 1; i <= 64; ++i) {
    const std::string before = "r" + std::to_string(i - 1);
    text += "r" + std::to_string(i) + " ::= \"(\" " + before + " \",\" " + before + " \")\"\n";
  }
  const auto grammar =
      MUST(CompiledGrammar::compile({GrammarText::Kind::gbnf, text}, testing::byte_trie()),
           "the grammar is well-formed");
  auto place = grammar->start();
  EXPECT_EQ(grammar->shortest_end(place, "a", 2048), std::nullopt);
  EXPECT_FALSE(grammar->can_end(place, "a", 2048));
  EXPECT_EQ(grammar->shortest_end(place, "b", 2048), std::vector<Token>{'!'});
  EXPECT_TRUE(grammar->can_end(place, "b", 1));
  EXPECT_FALSE(grammar->can_end(place, "b", 0));
  EXPECT_TRUE(grammar->can_end(place, "c", 0));  // not allowed, which is not for it to say
}

TEST(ShortestEnd, takes_long_tokens_and_says_when_there_are_too_few) {
  const auto trie = std::make_shared<const TokenTrie>(
      std::vector<std::string>{"a", "ab", "abc", "c", ""}, std::vector<Token>{4});
  const auto grammar = MUST(CompiledGrammar::compile({GrammarText::Kind::regex, "abcabc"}, trie),
                            "the grammar is well-formed");
  auto place = grammar->start();
  EXPECT_EQ(grammar->shortest_end(place, {}, 2), (std::vector<Token>{2, 2}));
  EXPECT_EQ(grammar->shortest_end(place, {}, 1), std::nullopt);
  EXPECT_EQ(grammar->shortest_end(place, "abc", 1), std::vector<Token>{2});
  EXPECT_EQ(grammar->shortest_end(place, "b", 9), std::nullopt);  // not allowed
  EXPECT_EQ(grammar->shortest_end(place, "a", 9), std::nullopt);  // "bc" has no tokens
  EXPECT_EQ(grammar->shortest_end(place, "abcabc", 0), std::vector<Token>());
  EXPECT_TRUE(grammar->can_end(place, "abc", 1));
  EXPECT_FALSE(grammar->can_end(place, "abc", 0));
  EXPECT_TRUE(grammar->can_end(place, "a", 9));  // cannot be written: no reason to close
}

}  // namespace
}  // namespace plinth::engine::grammar
