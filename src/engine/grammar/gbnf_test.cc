// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "engine/grammar/front_ends.h"
#include "engine/grammar/testing/oracle.h"

namespace plinth::engine::grammar {
namespace {

std::shared_ptr<CompiledGrammar> compiled(const std::string& text) {
  const auto made = CompiledGrammar::compile({GrammarText::Kind::gbnf, text}, testing::byte_trie());
  EXPECT_TRUE(made.is_ok()) << text << ": " << made.error().message;
  return made.is_ok() ? *made : nullptr;
}

std::string message_of(const std::string& text) {
  const auto made = CompiledGrammar::compile({GrammarText::Kind::gbnf, text}, testing::byte_trie());
  if (made.is_ok()) return "compiled";
  EXPECT_EQ(made.error().code, ErrorCode::invalid_argument);
  return made.error().message;
}

constexpr const char* kArithmetic = R"gbnf(# sums and products
root  ::= sum "\n"?
sum   ::= product ( ("+" | "-")
           product )*   # groups may span lines
product ::= atom ("*" atom)* |
            "-" atom
atom ::= [0-9]{1,3} | [a-z_] [a-z0-9_]* | "(" sum ")" | "\x41\u00e9"
)gbnf";

TEST(Gbnf, reads_rules_groups_classes_and_repetitions) {
  const auto grammar = compiled(kArithmetic);
  for (const char* text : {"1", "12+a_1*3", "-(1-(2*x))\n", "((((((7))))))", "A\xc3\xa9"}) {
    EXPECT_TRUE(testing::accepts(*grammar, text)) << text;
  }
  for (const char* text : {"", "1234", "1+", "(1", "1)", "--1", "A", "1\n\n"}) {
    EXPECT_FALSE(testing::accepts(*grammar, text)) << text;
  }
}

TEST(Gbnf, follows_recursion_to_any_depth_within_the_limit) {
  const auto grammar = compiled("root ::= \"(\" root \")\" | \"x\"");
  const auto nested = [](size_t depth) {
    return std::string(depth, '(') + "x" + std::string(depth, ')');
  };
  EXPECT_TRUE(testing::accepts(*grammar, nested(kStackDepthMax)));
  EXPECT_FALSE(testing::accepts(*grammar, nested(kStackDepthMax + 1)));
  EXPECT_FALSE(testing::accepts(*grammar, nested(20) + ")"));
}

TEST(Gbnf, a_list_that_recurs_at_its_end_takes_no_stack) {
  const auto grammar = compiled("root ::= \"a\" tail\ntail ::= \",a\" tail | \"\"");
  std::string text = "a";
  for (size_t i = 0; i < 4 * kStackDepthMax; ++i) text += ",a";
  EXPECT_TRUE(testing::accepts(*grammar, text));
  EXPECT_FALSE(testing::accepts(*grammar, text + ","));
}

// Rules that call one another at random; left recursion is refused, and so tested elsewhere.
std::string random_grammar(Random& random) {
  std::string text;
  const auto item = [&](int rule, bool is_first, auto& self, int depth) -> std::string {
    switch (random.below(is_first ? 3 : 6)) {
      case 0:
        return "\"a\"";
      case 1:
        return "[bc]";
      case 2:
        return "\"ab\"";
      case 3:
        if (depth == 0) return "\"c\"";
        return "(" + self(rule, true, self, depth - 1) + " | " + self(rule, true, self, depth - 1) +
               " " + self(rule, false, self, depth - 1) + ")";
      default:
        return "r" + std::to_string(random.below(4));
    }
  };
  for (int rule = 0; rule < 5; ++rule) {
    text += rule == 0 ? "root ::= " : "r" + std::to_string(rule - 1) + " ::= ";
    for (uint64_t i = 0, count = 1 + random.below(3); i < count; ++i) {
      if (i > 0) text += " | ";
      text += item(rule, true, item, 1);
      for (uint64_t left = random.below(3); left > 0; --left) {
        constexpr const char* kRepeats[] = {"", "", "?", "*", "+", "{1,2}"};
        text += " " + item(rule, false, item, 1) + kRepeats[random.below(6)];
      }
    }
    text += "\n";
  }
  return text;
}

TEST(Gbnf, decides_like_trying_every_way_on_random_grammars) {
  SeededRandom random(11);
  int compared = 0, accepted = 0;
  for (int round = 0; round < 300; ++round) {
    const std::string source = random_grammar(random);
    const auto grammar = read_gbnf(source);
    ASSERT_TRUE(grammar.is_ok()) << source << grammar.error().message;
    const auto automaton = Automaton::compile(*grammar);
    if (automaton.is_error()) continue;  // nothing that ends
    const auto made = CompiledGrammar::of_automaton(*automaton, testing::byte_trie());
    for (int i = 0; i < 40; ++i) {
      std::string text;
      if (i % 4 != 0 || !testing::generate(*made, random, 8, text)) {
        text.clear();
        for (uint64_t left = random.below(7); left > 0; --left) text += "abc"[random.below(3)];
      }
      const bool is_accepted = testing::accepts(*made, text);
      ASSERT_EQ(is_accepted, testing::matches(*grammar, text)) << source << " on " << text;
      ++compared;
      accepted += is_accepted ? 1 : 0;
    }
  }
  EXPECT_GT(compared, 5000);
  EXPECT_GT(accepted, 1000);
}

TEST(Gbnf, refuses_what_is_wrong_and_says_where) {
  const std::pair<const char*, const char*> kRefused[] = {
      {"", "without a rule named root"},
      {"a ::= \"x\"", "without a rule named root"},
      {"root ::= \"x", "line 1 column 10"},
      {"root ::= x\n", "rule 'x' is used and not defined"},
      {"root ::= \"x\"\nroot ::= \"y\"",
       "line 2 column 1, at 'root ::= \"y\"': rule 'root' is defined twice"},
      {"root = \"x\"", "expected '::='"},
      {"root ::= (\"x\"", "expected ')'"},
      {"root ::= [a-", "the character class does not end"},
      {"root ::= \"\\q\"", "this escape is not known"},
      {"root ::= \"a\"{5000}", "at most 4096 repetitions"},
      {"root ::= \"a\"{3,1}", "more repetitions at least"},
      {"root ::= root \"a\" | \"b\"", "rule 'root' calls itself before it reads a character"},
      {"root ::= a root \"x\" | \"b\"\na ::= \"y\"?", "calls itself before"},
      {"root ::= \"a\" root", "matches nothing that ends"},
      {"root ::= \"a\" ]", "expected the end of the rule"},
  };
  for (const auto& [text, part] : kRefused) {
    EXPECT_NE(message_of(text).find(part), std::string::npos) << text << ": " << message_of(text);
  }
}

TEST(Gbnf, leaves_out_alternatives_that_cannot_end) {
  const auto grammar = compiled("root ::= \"a\" b | \"c\"\nb ::= \"d\" b");
  EXPECT_TRUE(testing::accepts(*grammar, "c"));
  auto place = grammar->start();
  EXPECT_FALSE(grammar->advance(place, "a"));
}

}  // namespace
}  // namespace plinth::engine::grammar
