// SPDX-License-Identifier: Apache-2.0
// The three ways to write a grammar. Errors: invalid_argument, with the place, what stands there
// and what to do.
#pragma once

#include <optional>
#include <string_view>

#include "engine/grammar/grammar.h"
#include "engine/grammar/json_rules.h"

namespace plinth::engine::grammar {

// GBNF: rules `name ::= …`, of which `root` is the whole text.
Result<Grammar> read_gbnf(std::string_view text);

// An ECMAScript pattern that the whole text matches; what is taken is in docs/structured_output.md.
Result<Grammar> read_regex(std::string_view pattern);

Result<Grammar> read_json_schema(std::string_view text);
// The rule of a value that is valid for the schema, beside other rules; `json` is the grammar's.
Result<RuleId> add_json_schema(Grammar& grammar, JsonRules& json, std::string_view text);

// How a character of a pattern is written in the text.
enum class Writing : uint8_t {
  plain,
  json_string,  // as JSON.stringify does: `"`, `\` and control characters with a backslash
};

// Whether a pattern speaks of the whole text, or of some place in it (JSON Schema's `pattern`).
enum class Matching : uint8_t { whole, anywhere };

// `name` begins the error's text. The lengths of what it matches, in characters, are kept within
// the limits only where the pattern itself does: otherwise an error.
struct PatternOptions {
  std::string_view name;
  Writing writing = Writing::plain;
  Matching matching = Matching::whole;
  uint32_t length_min = 0;
  uint32_t length_max = kUnbounded;
};
Result<ExpressionId> add_pattern(Grammar& grammar, std::string_view pattern,
                                 const PatternOptions& options);

// One character of the set, written as told.
ExpressionId add_characters(Grammar& grammar, const CharacterSet& set, Writing writing);

}  // namespace plinth::engine::grammar
