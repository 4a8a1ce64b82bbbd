// SPDX-License-Identifier: Apache-2.0
// The simulator: a trace of arrivals against replicas with fixed rates, decided by the very
// functions the live node uses (decisions::route, decisions::admit). Deterministic: same input,
// same result.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "decisions/admit.h"
#include "decisions/route.h"

namespace plinth::lab {

inline constexpr size_t kArrivalsMax = 10'000'000;
inline constexpr size_t kSimulatedReplicasMax = 4096;

struct Arrival {
  double at_s = 0;  // since the trace began
  int64_t prompt_tokens = 0;
  int64_t output_tokens = 0;
};

// Serves one request at a time, first come, first served.
struct SimulatedReplica {
  std::string id;
  double prefill_tokens_per_s = 0;
  double decode_tokens_per_s = 0;
};

enum class Routing : uint8_t { predicted_time, round_robin };

struct Scenario {
  std::vector<Arrival> arrivals;
  std::vector<SimulatedReplica> replicas;
  Routing routing = Routing::predicted_time;
  int waiting_max = 1'000'000;  // over all replicas; beyond it admission refuses
};

struct Outcome {
  int64_t served = 0;
  int64_t refused = 0;
  double wait_mean_s = 0;  // from arrival to the start of the work, of those served
  double wait_p99_s = 0;
  double finish_mean_s = 0;  // from arrival to the last token
  double finish_p99_s = 0;
};

// invalid_argument: no replicas, a rate that is not positive, arrivals out of order or beyond the
// limits.
Result<Outcome> simulate(const Scenario& scenario);

}  // namespace plinth::lab
