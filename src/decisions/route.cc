// SPDX-License-Identifier: Apache-2.0
// The cost of each candidate, and the cheapest.
#include "decisions/route.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace plinth::decisions {

namespace {

RouteCost cost_of(const RouteCandidate& candidate, const RouteQuery& query) {
  const double prefill_rate = candidate.prefill_tokens_per_s > 0 ? candidate.prefill_tokens_per_s
                                                                 : kPrefillTokensPerSecondUnknown;
  const double decode_rate = candidate.decode_tokens_per_s > 0 ? candidate.decode_tokens_per_s
                                                               : kDecodeTokensPerSecondUnknown;
  const int64_t prompt = std::max<int64_t>(query.prompt_tokens, 0);
  const int64_t cached = std::clamp<int64_t>(candidate.cached_prefix_tokens, 0, prompt);
  const auto ahead = [](int64_t tokens) {
    return static_cast<double>(std::max<int64_t>(tokens, 0));
  };
  RouteCost cost;
  cost.id = candidate.id;
  cost.queue_s = ahead(candidate.queue_tokens) / prefill_rate +
                 ahead(candidate.queue_output_tokens) / decode_rate;
  cost.prefill_s = static_cast<double>(prompt - cached) / prefill_rate;
  // The new sequence gets its share of what all of them decode together.
  const double sharers = static_cast<double>(std::max(candidate.running, 0)) + 1.0;
  cost.decode_s = ahead(query.output_tokens) * sharers / decode_rate;
  return cost;
}

}  // namespace

RouteChoice route(const RouteState& state, const RouteQuery& query) {
  RouteChoice choice;
  const RouteCandidate* best = nullptr;
  RouteCost best_cost;
  for (const RouteCandidate& candidate : state.candidates) {
    if (!candidate.is_healthy) continue;
    const RouteCost cost = cost_of(candidate, query);
    choice.costs.push_back(cost);
    const bool is_better =
        best == nullptr || std::tuple(cost.total_s(), candidate.running, candidate.id) <
                               std::tuple(best_cost.total_s(), best->running, best->id);
    if (is_better) {
      best = &candidate;
      best_cost = cost;
    }
  }
  if (best == nullptr) {
    choice.reason = fmt::format("none of {} replicas is healthy", state.candidates.size());
    return choice;
  }
  choice.id = best->id;
  choice.reason = fmt::format(
      "{} is predicted to finish first, in {:.2f} s (queue {:.2f} + prefill {:.2f} + decode "
      "{:.2f}), of {} healthy of {}",
      best->id, best_cost.total_s(), best_cost.queue_s, best_cost.prefill_s, best_cost.decode_s,
      choice.costs.size(), state.candidates.size());
  return choice;
}

}  // namespace plinth::decisions
