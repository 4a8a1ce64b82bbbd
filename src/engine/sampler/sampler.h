// SPDX-License-Identifier: Apache-2.0
// Chooses the next token from logits: the largest, or a draw after temperature and top-p.
#pragma once

#include <span>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "engine/engine.h"

namespace plinth::engine {

class Sampler {
 public:
  // `seed` decides every draw; equal seeds and logits give equal tokens.
  Sampler(const SamplingOptions& options, uint64_t seed);

  // Equal logits: the lowest token wins. Error corrupt: a logit is not finite.
  Result<Token> choose(std::span<const float> logits);

 private:
  Token draw(std::span<const float> logits, float largest);

  double temperature_;
  double top_p_;
  SeededRandom random_;
  struct Candidate {
    double probability;
    Token token;
  };
  std::vector<Candidate> candidates_;
};

}  // namespace plinth::engine
