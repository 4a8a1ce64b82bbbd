// SPDX-License-Identifier: Apache-2.0
// Chooses the next token from logits: the largest, or a draw among those that are kept. A token
// that somebody proposed is accepted by rejection sampling, so that the choice keeps its
// distribution.
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

struct Candidate {
  double probability = 0;
  Token token = 0;
};

// A token and how it was proposed.
struct ProposedToken {
  Token token = 0;
  // What it was drawn from, adding up to 1. Empty: it was not drawn, a distribution with one point.
  std::vector<Candidate> drawn_from = {};
};

class Sampler {
 public:
  // `seed` decides every draw; equal seeds and logits give equal tokens.
  Sampler(const SamplingOptions& options, const std::vector<Token>& prompt, uint64_t seed);

  // Equal logits: the lowest token wins. With a mask, only among the tokens it allows, at least
  // one. Error corrupt: a logit is not finite.
  Result<Token> choose(std::span<const float> logits, const TokenMask* mask = nullptr);
  // The same distribution, and the proposed token as often as can be. One that was not drawn
  // changes nothing: the choice is the one that choose(logits) makes.
  Result<Token> choose(std::span<const float> logits, const ProposedToken& proposed);
  // A proposal: a draw from the `candidates_max` likeliest tokens of these logits as they would be
  // sampled; the likeliest one when greedy. Penalties count it until it is taken back.
  Result<ProposedToken> propose(std::span<const float> logits, size_t candidates_max);
  void take_back(Token proposed);
  // Notes a token that was not chosen here because there was no choice. A choice from one token
  // draws nothing, so what follows is the same either way.
  void note(Token token);
  // Whether its choices follow from the logits alone.
  bool is_greedy() const { return options_.temperature == 0; }

 private:
  // Fills candidates_ with what is kept, or with the one choice of a greedy sampler.
  Status weigh(std::span<const float> logits, const TokenMask* mask);
  std::span<const float> adjust(std::span<const float> logits);
  void keep(std::span<const float> logits, float largest, const TokenMask* mask);
  Token draw();
  Token draw_accepting(const ProposedToken& proposed);
  void keep_top_k(size_t count);
  void keep_top_p();
  void keep_min_p();
  void keep_typical();

  SamplingOptions options_;
  bool has_adjustments_;
  SeededRandom random_;
  std::unordered_map<Token, int> replied_;  // how often each token stands in the reply
  std::unordered_map<Token, int> prompted_;
  std::vector<float> adjusted_;
  std::vector<Candidate> candidates_;
};

// Log probabilities of `token` and of the `top` likeliest tokens; equal logits: lowest token first.
TokenLogprobs logprobs_of(std::span<const float> logits, Token token, int top);

}  // namespace plinth::engine
