// SPDX-License-Identifier: Apache-2.0
// What every front end makes of its text: rules over bytes, as trees of expressions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/grammar/characters.h"

namespace plinth::engine::grammar {

inline constexpr size_t kSourceBytesMax = 1u << 20;
inline constexpr size_t kExpressionsMax = 1u << 19;
inline constexpr size_t kRulesMax = 2048;
inline constexpr uint32_t kRepetitionsMax = 4096;  // of a bound: {n,m}, maxLength, maxItems
inline constexpr uint32_t kUnbounded = UINT32_MAX;
inline constexpr int kNestingMax = 200;  // of groups, and of schemas in one another

using ExpressionId = uint32_t;
using RuleId = uint32_t;

// A part of a list whose parts may be left out, with a separator between those that are there.
struct JoinedItem {
  ExpressionId expression = 0;
  bool is_required = false;
  bool is_repeated = false;  // any number of them; only of the last item
};

struct Expression {
  enum class Kind : uint8_t { bytes, characters, sequence, choice, repeat, joined, call };
  Kind kind = Kind::sequence;
  std::string bytes;                // bytes
  CharacterSet characters;          // characters: one of them, in UTF-8
  std::vector<ExpressionId> parts;  // sequence, choice; repeat: one; joined: the separator
  std::vector<JoinedItem> items;    // joined
  uint32_t least = 0;               // repeat
  uint32_t most = 0;                // repeat; or kUnbounded
  RuleId rule = 0;                  // call
};

struct Rule {
  std::string name;  // as an error names it
  ExpressionId body = 0;
};

// Rule 0 is the root. Adding never fails; what is too much is refused when it is compiled.
class Grammar {
 public:
  ExpressionId bytes(std::string_view text);
  ExpressionId characters(CharacterSet set);
  ExpressionId sequence(std::vector<ExpressionId> parts);  // none: the empty text
  ExpressionId choice(std::vector<ExpressionId> parts);    // none: nothing matches
  ExpressionId repeat(ExpressionId part, uint32_t least, uint32_t most);
  ExpressionId joined(std::vector<JoinedItem> items, ExpressionId separator);
  ExpressionId call(RuleId rule);
  ExpressionId optional(ExpressionId part) { return repeat(part, 0, 1); }

  RuleId add_rule(std::string name);
  void set_repeated(ExpressionId repeat, ExpressionId part) { expressions_[repeat].parts = {part}; }
  void set_body(RuleId rule, ExpressionId body) { rules_[rule].body = body; }

  const Expression& at(ExpressionId id) const { return expressions_[id]; }
  const std::vector<Expression>& expressions() const { return expressions_; }
  const std::vector<Rule>& rules() const { return rules_; }
  Status check_size() const;

 private:
  ExpressionId add(Expression expression);

  std::vector<Expression> expressions_;
  std::vector<Rule> rules_;
};

// Errors of all front ends: invalid_argument with `param` grammar.
Error grammar_error(const std::string& cause);

}  // namespace plinth::engine::grammar
