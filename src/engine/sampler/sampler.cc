// SPDX-License-Identifier: Apache-2.0
// Sources: top-p (nucleus), Holtzman et al., "The Curious Case of Neural Text Degeneration" (2020);
// typical, Meister et al., "Locally Typical Sampling" (2023); min-p, Nguyen et al. (2024);
// repetition penalty, Keskar et al., "CTRL" (2019); presence and frequency penalties as OpenAI
// documents them.
#include "engine/sampler/sampler.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "engine/kernels/kernels.h"

namespace plinth::engine {
namespace {

// A token this many natural logarithms below the likeliest is never drawn: with the largest
// vocabulary all of them together weigh less than 1e-10.
constexpr double kLogitReach = 40;

Error option_error(const std::string& param, const std::string& cause) {
  return make_error(ErrorCode::invalid_argument, param + ": " + cause, param);
}

Status check_range(const char* param, double value, double least, double most) {
  if (value >= least && value <= most) return ok();  // false for NaN
  char range[64];
  std::snprintf(range, sizeof(range), "%g is outside %g..%g", value, least, most);
  return option_error(param, range);
}

bool is_likelier(const Candidate& a, const Candidate& b) {
  return a.probability != b.probability ? a.probability > b.probability : a.token < b.token;
}

// Every ISA level finds the same.
int64_t find_largest(std::span<const float> logits) {
  return kernels::best_kernels().find_largest(logits.data(), static_cast<int64_t>(logits.size()));
}

// The largest of the allowed logits' tokens, the first of equals.
Token best_of(std::span<const float> logits, const TokenMask& mask) {
  Token best = -1;
  mask.for_each([&](Token token) {
    const auto at = static_cast<size_t>(token);
    if (best < 0 || logits[at] > logits[static_cast<size_t>(best)]) best = token;
  });
  return best;
}

}  // namespace

Status check_sampling(const SamplingOptions& options, int64_t vocabulary) {
  if (!std::isfinite(options.temperature) || options.temperature < 0) {
    return option_error("temperature", "must be 0 or above");
  }
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    return option_error("top_p", "must be above 0 and at most 1");
  }
  if (!(options.typical_p > 0 && options.typical_p <= 1)) {
    return option_error("typical_p", "must be above 0 and at most 1");
  }
  if (options.top_k < 0) return option_error("top_k", "must be 0 (all) or above");
  TRY(check_range("min_p", options.min_p, 0, 1));
  TRY(check_range("repetition_penalty", options.repetition_penalty, 0.01, 100));
  TRY(check_range("presence_penalty", options.presence_penalty, -2, 2));
  TRY(check_range("frequency_penalty", options.frequency_penalty, -2, 2));
  if (options.logit_bias.size() > kLogitBiasesMax) {
    return option_error("logit_bias", "at most " + std::to_string(kLogitBiasesMax) + " tokens");
  }
  for (const auto& [token, bias] : options.logit_bias) {
    TRY(check_range("logit_bias", bias, -100, 100));
    if (token >= 0 && token < vocabulary) continue;
    return option_error("logit_bias", "token " + std::to_string(token) +
                                          " is not in the vocabulary of " +
                                          std::to_string(vocabulary));
  }
  return ok();
}

Sampler::Sampler(const SamplingOptions& options, const std::vector<Token>& prompt, uint64_t seed)
    : options_(options),
      has_adjustments_(options.repetition_penalty != 1 || options.presence_penalty != 0 ||
                       options.frequency_penalty != 0 || !options.logit_bias.empty()),
      random_(seed) {
  if (options.repetition_penalty == 1) return;
  for (const Token token : prompt) ++prompted_[token];
}

Result<Token> Sampler::choose(std::span<const float> logits, const TokenMask* mask) {
  TRY(weigh(logits, mask));
  const Token token = draw();
  note(token);
  return token;
}

Result<Token> Sampler::choose(std::span<const float> logits, const ProposedToken& proposed) {
  // Rejection sampling with a one-point proposal accepts its token x with probability p(x) and else
  // draws from p without x. A plain draw does just that, and is the same with no proposal.
  if (proposed.drawn_from.empty()) return choose(logits);
  TRY(weigh(logits, nullptr));
  const Token token = draw_accepting(proposed);
  note(token);
  return token;
}

Result<ProposedToken> Sampler::propose(std::span<const float> logits, size_t candidates_max) {
  TRY(weigh(logits, nullptr));
  ProposedToken proposed;
  if (options_.temperature == 0) {
    proposed.token = candidates_.front().token;
  } else {
    keep_top_k(candidates_max);
    double kept = 0;
    for (const Candidate& candidate : candidates_) kept += candidate.probability;
    for (Candidate& candidate : candidates_) candidate.probability /= kept;
    proposed.token = draw();
    proposed.drawn_from = candidates_;
  }
  note(proposed.token);
  return proposed;
}

void Sampler::take_back(Token proposed) {
  const auto found = replied_.find(proposed);
  if (found != replied_.end() && --found->second == 0) replied_.erase(found);
}

void Sampler::note(Token token) {
  if (has_adjustments_) ++replied_[token];
}

Status Sampler::weigh(std::span<const float> logits, const TokenMask* mask) {
  int64_t best = find_largest(logits);
  if (best >= 0 && has_adjustments_) {
    logits = adjust(logits);
    best = find_largest(logits);
  }
  if (best < 0) {
    return make_error(ErrorCode::corrupt,
                      "the model computed a logit that is not finite; check the model file");
  }
  if (mask != nullptr) best = best_of(logits, *mask);
  CHECK(best >= 0);
  const bool is_only = mask != nullptr && mask->count() == 1;
  if (options_.temperature == 0 || is_only) {
    candidates_.assign(1, {1, static_cast<Token>(best)});
  } else {
    keep(logits, logits[static_cast<size_t>(best)], mask);
  }
  return ok();
}

// The repetition penalty divides a logit above 0 and multiplies one below.
std::span<const float> Sampler::adjust(std::span<const float> logits) {
  adjusted_.assign(logits.begin(), logits.end());
  for (const auto& [token, bias] : options_.logit_bias) {
    adjusted_[static_cast<size_t>(token)] += bias;
  }
  const auto repeat = [&](Token token) {
    float& logit = adjusted_[static_cast<size_t>(token)];
    const auto penalty = static_cast<float>(options_.repetition_penalty);
    logit = logit > 0 ? logit / penalty : logit * penalty;
  };
  for (const auto& [token, count] : replied_) {
    if (!prompted_.contains(token)) repeat(token);
    adjusted_[static_cast<size_t>(token)] -=
        static_cast<float>(options_.presence_penalty + count * options_.frequency_penalty);
  }
  for (const auto& [token, count] : prompted_) repeat(token);
  return adjusted_;
}

void Sampler::keep(std::span<const float> logits, float largest, const TokenMask* mask) {
  candidates_.clear();
  double total = 0;
  const auto consider = [&](Token token) {
    const double logit = logits[static_cast<size_t>(token)];
    const double exponent = (logit - largest) / options_.temperature;
    if (exponent < -kLogitReach) return;
    const double weight = std::exp(exponent);
    candidates_.push_back({weight, token});
    total += weight;
  };
  if (mask != nullptr) {
    mask->for_each(consider);
  } else {
    for (size_t i = 0; i < logits.size(); ++i) consider(static_cast<Token>(i));
  }
  for (Candidate& candidate : candidates_) candidate.probability /= total;
  if (options_.top_k > 0) keep_top_k(static_cast<size_t>(options_.top_k));
  if (options_.top_p < 1) keep_top_p();
  if (options_.min_p > 0) keep_min_p();
  if (options_.typical_p < 1) keep_typical();
}

Token Sampler::draw() {
  if (candidates_.size() == 1) return candidates_.front().token;  // without a draw
  double kept = 0;
  for (const Candidate& candidate : candidates_) kept += candidate.probability;
  double point = random_.uniform() * kept;
  Token last = candidates_.front().token;
  for (const Candidate& candidate : candidates_) {
    if (candidate.probability > 0) last = candidate.token;
    point -= candidate.probability;
    if (point < 0) return candidate.token;
  }
  return last;  // rounding left a rest
}

// Leviathan et al., "Fast Inference from Transformers via Speculative Decoding" (2023): x, drawn
// from q, is accepted with probability min(1, p(x) / q(x)), else the token comes from max(0, p -
// q).
Token Sampler::draw_accepting(const ProposedToken& proposed) {
  std::unordered_map<Token, double> drawn;
  for (const Candidate& candidate : proposed.drawn_from) {
    drawn[candidate.token] = candidate.probability;
  }
  double kept = 0;
  for (const Candidate& candidate : candidates_) kept += candidate.probability;
  double wanted = 0;
  for (Candidate& candidate : candidates_) {
    candidate.probability /= kept;
    if (candidate.token == proposed.token) wanted = candidate.probability;
  }
  if (random_.uniform() * drawn[proposed.token] < wanted) return proposed.token;
  double left = 0;
  for (Candidate& candidate : candidates_) {
    const auto found = drawn.find(candidate.token);
    if (found == drawn.end()) continue;
    candidate.probability = std::max(0.0, candidate.probability - found->second);
  }
  for (const Candidate& candidate : candidates_) left += candidate.probability;
  // q is p but for rounding, and so a refusal was one of rounding, too.
  if (left <= 0) return proposed.token;
  return draw();
}

void Sampler::keep_top_k(size_t count) {
  if (count >= candidates_.size()) return;
  const auto end = candidates_.begin() + static_cast<ptrdiff_t>(count);
  std::partial_sort(candidates_.begin(), end, candidates_.end(), is_likelier);
  candidates_.erase(end, candidates_.end());
}

void Sampler::keep_top_p() {
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.probability;
  const double nucleus = options_.top_p * total;
  // A heap yields the likeliest first without sorting the whole vocabulary.
  const auto is_less = [](const Candidate& a, const Candidate& b) { return is_likelier(b, a); };
  std::make_heap(candidates_.begin(), candidates_.end(), is_less);
  double reached = 0;
  auto end = candidates_.end();
  while (end != candidates_.begin() && (reached < nucleus || end == candidates_.end())) {
    std::pop_heap(candidates_.begin(), end, is_less);
    --end;
    reached += end->probability;
  }
  candidates_.erase(candidates_.begin(), end);
}

void Sampler::keep_min_p() {
  double largest = 0;
  for (const Candidate& candidate : candidates_) largest = std::max(largest, candidate.probability);
  std::erase_if(candidates_, [&](const Candidate& candidate) {
    return candidate.probability < options_.min_p * largest;
  });
}

// Keeps the tokens whose surprise -log p is nearest to its expectation, until they reach typical_p.
void Sampler::keep_typical() {
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.probability;
  double expected = 0;
  for (const Candidate& candidate : candidates_) {
    const double share = candidate.probability / total;
    expected -= share * std::log(share);
  }
  const auto distance = [&](const Candidate& candidate) {
    return std::fabs(-std::log(candidate.probability / total) - expected);
  };
  std::stable_sort(candidates_.begin(), candidates_.end(), [&](const auto& a, const auto& b) {
    const double left = distance(a), right = distance(b);
    return left != right ? left < right : is_likelier(a, b);
  });
  double reached = 0;
  size_t count = 0;
  while (count < candidates_.size() && (count == 0 || reached < options_.typical_p * total)) {
    reached += candidates_[count].probability;
    ++count;
  }
  candidates_.resize(count);
}

TokenLogprobs logprobs_of(std::span<const float> logits, Token token, int top) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  const double total = largest + std::log(sum);
  const auto of = [&](Token t) {
    return TokenLogprob{t, static_cast<float>(logits[static_cast<size_t>(t)] - total)};
  };
  TokenLogprobs found{of(token), {}};
  std::vector<Token> order(logits.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Token>(i);
  const auto count = std::min(static_cast<ptrdiff_t>(order.size()), static_cast<ptrdiff_t>(top));
  std::partial_sort(order.begin(), order.begin() + count, order.end(), [&](Token a, Token b) {
    const float left = logits[static_cast<size_t>(a)], right = logits[static_cast<size_t>(b)];
    return left != right ? left > right : a < b;
  });
  for (ptrdiff_t i = 0; i < count; ++i) found.top.push_back(of(order[static_cast<size_t>(i)]));
  return found;
}

}  // namespace plinth::engine
