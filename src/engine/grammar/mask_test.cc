// SPDX-License-Identifier: Apache-2.0
// The masks, put together from two layers, against every token tried one by one on a machine that
// has neither.
#include <gtest/gtest.h>

#include "engine/grammar/front_ends.h"
#include "engine/grammar/testing/oracle.h"

namespace plinth::engine::grammar {
namespace {

constexpr const char* kPrograms = R"gbnf(
root ::= statement+
statement ::= name " = " sum ";" "\n"? | "if (" sum ") " block | "return " sum ";" | name "(" (sum (", " sum)*)? ");"
block ::= "{" " "? statement* "}"
sum ::= product (" "? [-+] " "? product)*
product ::= atom ("*" atom)*
atom ::= name | [0-9]+ | "(" sum ")" | name "(" sum ")" | "\"" [^"\n]* "\""
name ::= [a-z_] [a-z0-9_]*
)gbnf";

const GrammarText kGrammars[] = {
    {GrammarText::Kind::json_schema, "{}"},
    {GrammarText::Kind::json_schema,
     R"({"type":"object","properties":{"name":{"type":"string","maxLength":12},"city":{"type":"string"},
        "count":{"type":"integer","minimum":3,"maximum":1234},"data":{"type":"array","items":{"type":"number"}}},
        "required":["name","count"],"additionalProperties":{"$ref":"#"}})"},
    {GrammarText::Kind::regex, "(?:[a-z]{2,9} |\\d{3}-\\d{4}|\\p{Lu}\\p{M}){0,40}\\."},
    {GrammarText::Kind::regex, "[a-z ]{3,25}[,.][^a-m]{0,30}"},
    {GrammarText::Kind::gbnf, kPrograms},
    {GrammarText::Kind::gbnf, "root ::= \"(\" root \")\" | \"[\" root \"]\" root | [a-c]*"},
};

TokenMask brute_force(const Automaton& automaton, const TokenTrie& trie, const std::string& text) {
  StackMachine machine(automaton);
  const auto after = [&](Cursor at, std::string_view bytes) {
    for (const char byte : bytes) at = machine.step(at, static_cast<uint8_t>(byte));
    return at;
  };
  const Cursor here = after(machine.start({automaton.start(), 0}), text);
  TokenMask mask(trie.vocabulary());
  for (Token token = 0; token < static_cast<Token>(trie.vocabulary()); ++token) {
    if (!trie.text(token).empty() && !after(here, trie.text(token)).is_dead()) mask.allow(token);
  }
  if (machine.reaches_bottom(here)) {
    for (const Token token : trie.end_tokens()) mask.allow(token);
  }
  return mask;
}

void compare_on_walks(const GrammarText& text, const std::shared_ptr<const TokenTrie>& trie,
                      int walks, int steps, uint64_t seed) {
  const auto grammar = text.kind == GrammarText::Kind::gbnf    ? read_gbnf(text.text)
                       : text.kind == GrammarText::Kind::regex ? read_regex(text.text)
                                                               : read_json_schema(text.text);
  ASSERT_TRUE(grammar.is_ok()) << grammar.error().message;
  const auto automaton = Automaton::compile(*grammar);
  ASSERT_TRUE(automaton.is_ok()) << automaton.error().message;
  const auto made = CompiledGrammar::of_automaton(*automaton, trie);
  SeededRandom random(seed);
  for (int walk = 0; walk < walks; ++walk) {
    auto place = made->start();
    for (int step = 0; step < steps; ++step) {
      const auto allowed = made->allowed(place);
      const TokenMask expected = brute_force(*automaton, *trie, place.text());
      ASSERT_TRUE(allowed->mask == expected)
          << text.text << " after '" << place.text() << "': " << allowed->mask.count()
          << " tokens, expected " << expected.count();
      ASSERT_EQ(allowed->is_end_allowed, expected.allows(trie->end_tokens()[0]));
      std::vector<Token> tokens;
      allowed->mask.for_each([&](Token token) {
        if (!trie->text(token).empty()) tokens.push_back(token);
      });
      ASSERT_EQ(allowed->only.has_value(), tokens.size() == 1 && !allowed->is_end_allowed);
      ASSERT_EQ(allowed->is_complete, tokens.empty());
      if (tokens.empty()) break;
      // Short tokens too, so that a walk meets every place.
      const Token token = tokens[random.below(tokens.size())];
      const std::string_view bytes = trie->text(token);
      ASSERT_TRUE(made->advance(place, bytes.substr(0, 1 + random.below(bytes.size()))));
    }
  }
}

TEST(Masks, equal_every_token_tried_alone_on_random_walks) {
  const auto trie = testing::made_up_trie(4000, 1);
  for (const GrammarText& text : kGrammars) compare_on_walks(text, trie, 3, 16, 2);
}

TEST(Masks, equal_every_token_tried_alone_with_150_thousand_tokens) {
  const auto trie = testing::made_up_trie(150'000, 3);
  for (const size_t i : {1, 4}) compare_on_walks(kGrammars[i], trie, 1, 2, 4);
}

TEST(Masks, equal_every_token_tried_alone_near_the_depth_limit) {
  const auto trie = testing::made_up_trie(2000, 5);
  const auto made = CompiledGrammar::compile({GrammarText::Kind::json_schema, "{}"}, trie);
  ASSERT_TRUE(made.is_ok());
  const Grammar grammar = *read_json_schema("{}");
  const Automaton automaton = *Automaton::compile(grammar);
  for (const size_t depth : {kStackDepthMax / 2, kStackDepthMax - 1, kStackDepthMax}) {
    auto place = (*made)->start();
    ASSERT_TRUE((*made)->advance(place, std::string(depth, '[')));
    EXPECT_TRUE((*made)->allowed(place)->mask == brute_force(automaton, *trie, place.text()));
  }
}

TEST(Masks, places_survive_a_machine_that_starts_anew) {
  // Each text leaves stacks of its own, so the machine fills and is cleared.
  const auto made = CompiledGrammar::compile(
      {GrammarText::Kind::gbnf, "root ::= \"(\" root \")\" | \"[\" root \"]\" | \"b\""},
      testing::byte_trie());
  ASSERT_TRUE(made.is_ok());
  CompiledGrammar& grammar = **made;
  SeededRandom random(1);
  auto place = grammar.start();
  ASSERT_TRUE(grammar.advance(place, "([[b"));
  const TokenMask expected = grammar.allowed(place)->mask;
  for (int round = 0; round < 200; ++round) {
    auto other = grammar.start();
    std::string open, close;
    for (int i = 0; i < 200; ++i) {
      const bool is_round = random.below(2) == 0;
      open += is_round ? '(' : '[';
      close.insert(close.begin(), is_round ? ')' : ']');
    }
    ASSERT_TRUE(grammar.advance(other, open));
    ASSERT_TRUE(grammar.advance(other, "b" + close));
    ASSERT_TRUE(grammar.is_end_allowed(other));
  }
  EXPECT_GT(grammar.generation(), 2u);
  EXPECT_TRUE(grammar.allowed(place)->mask == expected);
  ASSERT_TRUE(grammar.advance(place, "]])"));
  EXPECT_TRUE(grammar.is_end_allowed(place));
}

TEST(Masks, a_long_repetition_shares_masks) {
  const auto trie = testing::made_up_trie(2000, 6);
  const auto made = CompiledGrammar::compile({GrammarText::Kind::regex, "[a-z ]{0,2000}"}, trie);
  ASSERT_TRUE(made.is_ok());
  EXPECT_GT((*made)->node_count(), 2000u);
  EXPECT_LE((*made)->class_count(), trie->longest() + 2);
}

}  // namespace
}  // namespace plinth::engine::grammar
