// SPDX-License-Identifier: Apache-2.0
// The seam of speculation: who guesses the next tokens of a sequence. The batcher has the model
// verify all guesses in one pass and keeps those the sampler would have chosen, so a proposer can
// make a reply faster or slower and never another one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/engine.h"
#include "engine/sampler/sampler.h"

namespace plinth::engine {

inline constexpr int64_t kProposedTokensMax = 7;  // of one sequence in one iteration

// What a proposer knows of one sequence.
class ProposerNotes {
 public:
  virtual ~ProposerNotes() = default;
};

struct ProposerJob {
  ProposerNotes& notes;
  // What is known: the prompt as far as it is computed, then the reply. Longer from call to call,
  // and never another beginning.
  std::span<const Token> tokens;
  int64_t count_max = 0;  // 0: only take note of the tokens
  Sampler& sampler;       // as it was before the call when the call ends
  // Filled: at most count_max tokens, each following the one before it.
  std::vector<ProposedToken>& proposed;
};

// One owner thread.
class Proposer {
 public:
  virtual ~Proposer() = default;
  // nullptr when there is no room for this sequence: nothing is proposed for it then.
  virtual std::unique_ptr<ProposerNotes> start(const std::vector<Token>& prompt,
                                               int64_t tokens_max) = 0;
  // For all sequences of an iteration at once. How many tokens a job gets depends on its own tokens
  // and what is cached of them, not on the jobs beside it.
  virtual void propose(std::span<ProposerJob> jobs) = 0;
};

}  // namespace plinth::engine
