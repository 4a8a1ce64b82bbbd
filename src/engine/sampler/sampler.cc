// SPDX-License-Identifier: Apache-2.0
// Top-p (nucleus) sampling: Holtzman et al., "The Curious Case of Neural Text Degeneration" (2020).
// The nucleus is the smallest set of most probable tokens whose probabilities reach top_p.
#include "engine/sampler/sampler.h"

#include <algorithm>
#include <cmath>

namespace plinth::engine {

Sampler::Sampler(const SamplingOptions& options, uint64_t seed)
    : temperature_(options.temperature), top_p_(options.top_p), random_(seed) {}

Result<Token> Sampler::choose(std::span<const float> logits) {
  size_t best = 0;
  bool is_finite = true;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (!std::isfinite(logits[i])) is_finite = false;
    if (logits[i] > logits[best]) best = i;
  }
  if (!is_finite) {
    return make_error(ErrorCode::corrupt,
                      "the model computed a logit that is not finite; check the model file");
  }
  if (temperature_ == 0) return static_cast<Token>(best);
  return draw(logits, logits[best]);
}

Token Sampler::draw(std::span<const float> logits, float largest) {
  candidates_.clear();
  double total = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double weight = std::exp((static_cast<double>(logits[i]) - largest) / temperature_);
    candidates_.push_back({weight, static_cast<Token>(i)});
    total += weight;
  }
  // A heap yields the most probable first without sorting the whole vocabulary.
  const auto is_less = [](const Candidate& a, const Candidate& b) {
    return a.probability != b.probability ? a.probability < b.probability : a.token > b.token;
  };
  std::make_heap(candidates_.begin(), candidates_.end(), is_less);
  const double nucleus = top_p_ * total;
  double reached = 0;
  auto end = candidates_.end();
  while (end != candidates_.begin() && (reached < nucleus || end == candidates_.end())) {
    std::pop_heap(candidates_.begin(), end, is_less);
    --end;
    reached += end->probability;
  }
  // The chosen ones now stand at the back, most probable last.
  double point = random_.uniform() * reached;
  for (auto candidate = candidates_.rbegin(); candidate.base() != end; ++candidate) {
    point -= candidate->probability;
    if (point < 0) return candidate->token;
  }
  return candidates_.back().token;  // rounding left a rest: the most probable token
}

}  // namespace plinth::engine
