// SPDX-License-Identifier: Apache-2.0
// Chooses the next token from logits: the largest, or a draw among those that are kept.
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "engine/engine.h"
#include "engine/sampler/token_mask.h"

namespace plinth::engine {

inline constexpr size_t kLogitBiasesMax = 1024;
inline constexpr int kTopLogprobsMax = 20;

// Errors: invalid_argument names the option.
Status check_sampling(const SamplingOptions& options, int64_t vocabulary);

class Sampler {
 public:
  // `seed` decides every draw; equal seeds and logits give equal tokens.
  Sampler(const SamplingOptions& options, const std::vector<Token>& prompt, uint64_t seed);

  // Equal logits: the lowest token wins. With a mask, only among the tokens it allows, at least
  // one. Error corrupt: a logit is not finite.
  Result<Token> choose(std::span<const float> logits, const TokenMask* mask = nullptr);
  // Notes a token that was not chosen here because there was no choice. A choice from one token
  // draws nothing, so what follows is the same either way.
  void note(Token token) {
    if (has_adjustments_) ++replied_[token];
  }

 private:
  struct Candidate {
    double probability;
    Token token;
  };

  std::span<const float> adjust(std::span<const float> logits);
  Token draw(std::span<const float> logits, float largest, const TokenMask* mask);
  void keep_top_k();
  void keep_top_p();
  void keep_min_p();
  void keep_typical();

  SamplingOptions options_;
  bool has_adjustments_;
  SeededRandom random_;
  std::unordered_map<Token, int> replied_;  // how often each token stands in the reply
  std::unordered_map<Token, int> prompted_;
  std::vector<float> adjusted_;
  std::vector<Candidate> candidates_;  // likeliest first
};

// Log probabilities of `token` and of the `top` likeliest tokens; equal logits: lowest token first.
TokenLogprobs logprobs_of(std::span<const float> logits, Token token, int top);

}  // namespace plinth::engine
