// SPDX-License-Identifier: Apache-2.0
// Routing: which replica is predicted to finish a request first. A pure function of a snapshot.
//
//   cost = work ahead + uncached prefill + decode, all in seconds
//
// Prefix affinity is no special case: a replica that holds the start of the prompt has less to
// compute. After "Mooncake" (FAST'25, algorithm 1), whose cost is transfer + queue + prefill.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace plinth::decisions {

// What an unmeasured replica is taken to do, so that it is tried rather than shunned.
inline constexpr double kPrefillTokensPerSecondUnknown = 1000;
inline constexpr double kDecodeTokensPerSecondUnknown = 50;

struct RouteCandidate {
  std::string id;
  bool is_healthy = true;
  int64_t queue_tokens = 0;  // prompt tokens of earlier requests, still to be computed
  int64_t queue_output_tokens =
      0;  // output tokens owed to earlier requests before this one gets a slot
  double prefill_tokens_per_s = 0;   // 0: not measured
  double decode_tokens_per_s = 0;    // of all its sequences together; 0: not measured
  int running = 0;                   // sequences that share the decode rate
  int64_t cached_prefix_tokens = 0;  // of this request's prompt
};

struct RouteState {
  std::vector<RouteCandidate> candidates;
};

struct RouteQuery {
  int64_t prompt_tokens = 0;
  int64_t output_tokens = 0;  // expected
};

struct RouteCost {
  std::string id;
  double queue_s = 0;
  double prefill_s = 0;
  double decode_s = 0;
  double total_s() const { return queue_s + prefill_s + decode_s; }
};

struct RouteChoice {
  std::optional<std::string> id;  // nullopt: no healthy candidate
  std::vector<RouteCost> costs;   // of the healthy candidates, in their order
  std::string reason;             // one sentence
};

// Equal costs: fewer running sequences, then the smaller id.
RouteChoice route(const RouteState& state, const RouteQuery& query);

}  // namespace plinth::decisions
