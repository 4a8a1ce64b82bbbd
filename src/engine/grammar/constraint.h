// SPDX-License-Identifier: Apache-2.0
// One reply held to a grammar.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/grammar/compiled_grammar.h"

namespace plinth::engine::grammar {

// Of one thread.
class Constraint {
 public:
  explicit Constraint(std::shared_ptr<CompiledGrammar> grammar)
      : grammar_(std::move(grammar)), place_(grammar_->start()) {}

  // What may come next. Error unsupported: the vocabulary cannot write what the grammar asks for.
  Result<std::shared_ptr<const AllowedTokens>> allowed();
  // Takes a token of those allowed. Error budget_exhausted: the grammar recurs too deeply here.
  Status accept(Token token);
  // False when the text needs more than so many tokens after this one to end.
  bool can_end_after(Token token, int64_t tokens);
  // The tokens that end the text soonest, at most so many; none: it cannot end with so few, or may
  // end here.
  std::vector<Token> shortest_end(int64_t tokens_max);

 private:
  std::shared_ptr<CompiledGrammar> grammar_;
  CompiledGrammar::Place place_;
  std::shared_ptr<const AllowedTokens> allowed_;  // at this place, once asked for
};

}  // namespace plinth::engine::grammar
