// SPDX-License-Identifier: Apache-2.0
// One reply held to a grammar.
#pragma once

#include <memory>

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

 private:
  std::shared_ptr<CompiledGrammar> grammar_;
  CompiledGrammar::Place place_;
  std::shared_ptr<const AllowedTokens> allowed_;  // at this place, once asked for
};

}  // namespace plinth::engine::grammar
