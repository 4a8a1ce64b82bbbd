// SPDX-License-Identifier: Apache-2.0
// The automaton that looks for a tag, as an expression. It has a state for each number of the tag's
// characters that were just read. As the tag's first character stands nowhere else in it, a
// character that does not go on with the tag leads to state 0, or to 1 if it is the first one.
#include "engine/tool_calls/text_grammar.h"

#include <vector>

#include "base/check.h"

namespace plinth::engine {
namespace {

using grammar::CharacterSet;
using grammar::ExpressionId;
using grammar::Grammar;
using grammar::kUnbounded;

struct TagParts {
  ExpressionId free;                 // from state 0 back to state 0, any number of times
  ExpressionId first;                // the tag's first character, and others that lead back to 1
  std::vector<ExpressionId> proper;  // from state 1 to each later state but the last
  ExpressionId rest;                 // from state 1 to the tag's end
};

std::vector<uint32_t> characters_of(std::string_view tag) {
  std::vector<uint32_t> codes;
  for (size_t at = 0; at < tag.size();) codes.push_back(grammar::next_character(tag, at));
  CHECK(codes.size() > 1);
  for (size_t i = 1; i < codes.size(); ++i) CHECK(codes[i] != codes[0]);
  return codes;
}

TagParts add_parts(Grammar& g, std::string_view tag) {
  const std::vector<uint32_t> codes = characters_of(tag);
  const auto one = [&](uint32_t code) { return g.characters(CharacterSet{{code, code}}); };
  const auto between = [&](size_t end) {
    std::vector<ExpressionId> parts;
    for (size_t i = 1; i < end; ++i) parts.push_back(one(codes[i]));
    return g.sequence(std::move(parts));
  };
  std::vector<ExpressionId> back_to_one, back_to_zero;
  TagParts parts{};
  for (size_t state = 1; state < codes.size(); ++state) {
    const CharacterSet leading{{codes[0], codes[0]}, {codes[state], codes[state]}};
    back_to_one.push_back(g.sequence({between(state), one(codes[0])}));
    back_to_zero.push_back(g.sequence({between(state), g.characters(leading.complement())}));
    parts.proper.push_back(between(state));
  }
  const ExpressionId again = g.repeat(g.choice(back_to_one), 0, kUnbounded);
  parts.first = g.sequence({one(codes[0]), again});
  const CharacterSet first{{codes[0], codes[0]}};
  parts.free = g.repeat(g.choice({g.characters(first.complement()),
                                  g.sequence({parts.first, g.choice(back_to_zero)})}),
                        0, kUnbounded);
  parts.rest = between(codes.size());
  return parts;
}

}  // namespace

ExpressionId add_text_without(Grammar& grammar, std::string_view tag) {
  TagParts parts = add_parts(grammar, tag);
  const ExpressionId begun = grammar.sequence({parts.first, grammar.choice(parts.proper)});
  return grammar.sequence({parts.free, grammar.optional(begun)});
}

ExpressionId add_text_through(Grammar& grammar, std::string_view tag) {
  const TagParts parts = add_parts(grammar, tag);
  return grammar.sequence({parts.free, parts.first, parts.rest});
}

ExpressionId add_any_text(Grammar& grammar) {
  return grammar.repeat(grammar.characters(CharacterSet::all()), 0, kUnbounded);
}

}  // namespace plinth::engine
