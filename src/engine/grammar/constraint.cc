// SPDX-License-Identifier: Apache-2.0
#include "engine/grammar/constraint.h"

#include <algorithm>

#include "base/hash.h"

namespace plinth::engine::grammar {
namespace {

std::string end_of(const std::string& text) {
  const size_t begin = text.size() > 32 ? text.size() - 32 : 0;
  return hex(std::span(reinterpret_cast<const uint8_t*>(text.data()) + begin, text.size() - begin));
}

}  // namespace

Result<std::shared_ptr<const AllowedTokens>> Constraint::allowed() {
  if (!allowed_) allowed_ = grammar_->allowed(place_);
  if (!allowed_->is_stuck) return allowed_;
  return make_error(ErrorCode::unsupported,
                    "grammar: after " + std::to_string(place_.text().size()) +
                        " bytes no token of this model's vocabulary writes what the grammar asks "
                        "for; the last bytes are " +
                        end_of(place_.text()),
                    "grammar");
}

Status Constraint::accept(Token token) {
  allowed_.reset();
  if (grammar_->advance(place_, grammar_->trie().text(token))) return ok();
  return make_error(ErrorCode::budget_exhausted,
                    "grammar: after " + std::to_string(place_.text().size()) +
                        " bytes the reply nests deeper, or is more ambiguous, than the limits of " +
                        std::to_string(kStackDepthMax) + " levels and " +
                        std::to_string(kStacksMax) + " readings allow; make the grammar simpler",
                    "grammar");
}

bool Constraint::can_end_after(Token token, int64_t tokens) {
  const auto tokens_max = static_cast<size_t>(std::max<int64_t>(tokens, 0));
  return grammar_->can_end(place_, grammar_->trie().text(token), tokens_max);
}

std::vector<Token> Constraint::shortest_end(int64_t tokens_max) {
  const auto most = static_cast<size_t>(std::max<int64_t>(tokens_max, 0));
  return grammar_->shortest_end(place_, {}, most).value_or(std::vector<Token>());
}

}  // namespace plinth::engine::grammar
