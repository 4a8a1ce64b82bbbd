// SPDX-License-Identifier: Apache-2.0
// Time jumps from arrival to arrival; what each replica still owes at that moment is its queue.
#include "lab/simulate.h"

#include <algorithm>
#include <cmath>
#include <deque>

namespace plinth::lab {

namespace {

struct Work {
  double starts_s = 0;
  double ends_s = 0;
  Arrival arrival;
};

struct ReplicaState {
  SimulatedReplica replica;
  std::deque<Work> owed;  // in order; the first one runs

  void forget_finished(double now_s) {
    while (!owed.empty() && owed.front().ends_s <= now_s) owed.pop_front();
  }
  double service_s(const Arrival& arrival) const {
    return static_cast<double>(arrival.prompt_tokens) / replica.prefill_tokens_per_s +
           static_cast<double>(arrival.output_tokens) / replica.decode_tokens_per_s;
  }
  decisions::RouteCandidate candidate(double now_s) const {
    decisions::RouteCandidate candidate;
    candidate.id = replica.id;
    candidate.prefill_tokens_per_s = replica.prefill_tokens_per_s;
    candidate.decode_tokens_per_s = replica.decode_tokens_per_s;
    for (const Work& work : owed) {
      // Of the running one, the part that is left.
      const double whole = work.ends_s - work.starts_s;
      const double left = whole > 0 ? std::clamp((work.ends_s - now_s) / whole, 0.0, 1.0) : 0.0;
      candidate.queue_tokens +=
          std::llround(left * static_cast<double>(work.arrival.prompt_tokens));
      candidate.queue_output_tokens +=
          std::llround(left * static_cast<double>(work.arrival.output_tokens));
    }
    return candidate;
  }
};

Status check(const Scenario& scenario) {
  const auto refuse = [](std::string message) {
    return make_error(ErrorCode::invalid_argument, std::move(message));
  };
  if (scenario.replicas.empty()) return refuse("replicas: expected at least one");
  if (scenario.replicas.size() > kSimulatedReplicasMax) return refuse("replicas: too many");
  if (scenario.arrivals.size() > kArrivalsMax) return refuse("arrivals: too many");
  for (const SimulatedReplica& replica : scenario.replicas) {
    if (!(replica.prefill_tokens_per_s > 0) || !(replica.decode_tokens_per_s > 0)) {
      return refuse("replica " + replica.id + ": expected rates above 0");
    }
  }
  double last = 0;
  for (const Arrival& arrival : scenario.arrivals) {
    if (!(arrival.at_s >= last)) return refuse("arrivals: expected times in order, from 0");
    if (arrival.prompt_tokens < 0 || arrival.output_tokens < 0) {
      return refuse("arrivals: expected token counts of 0 or more");
    }
    last = arrival.at_s;
  }
  return ok();
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

double percentile_99(std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto rank = static_cast<size_t>(std::ceil(0.99 * static_cast<double>(values.size()))) - 1;
  std::nth_element(values.begin(), values.begin() + static_cast<int64_t>(rank), values.end());
  return values[rank];
}

class Simulation {
 public:
  explicit Simulation(const Scenario& scenario) : scenario_(scenario) {
    for (const SimulatedReplica& replica : scenario.replicas) replicas_.push_back({replica, {}});
  }

  Outcome run() {
    for (const Arrival& arrival : scenario_.arrivals) arrive(arrival);
    Outcome outcome;
    outcome.served = static_cast<int64_t>(waits_.size());
    outcome.refused = refused_;
    outcome.wait_mean_s = mean(waits_);
    outcome.wait_p99_s = percentile_99(waits_);
    outcome.finish_mean_s = mean(finishes_);
    outcome.finish_p99_s = percentile_99(finishes_);
    return outcome;
  }

 private:
  void arrive(const Arrival& arrival) {
    int busy = 0;
    int waiting = 0;
    for (ReplicaState& state : replicas_) {
      state.forget_finished(arrival.at_s);
      busy += state.owed.empty() ? 0 : 1;
      waiting += std::max(0, static_cast<int>(state.owed.size()) - 1);
    }
    decisions::AdmitState door;
    door.limits = {.running_max = static_cast<int>(replicas_.size()),
                   .queue_max = scenario_.waiting_max};
    door.running = busy;
    door.waiting = waiting;
    const MonotonicTime now{
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(arrival.at_s))};
    if (decisions::admit(door, {}, now).verdict == decisions::AdmitVerdict::refuse) {
      ++refused_;
      return;
    }
    ReplicaState& chosen = choose(arrival);
    const double starts = chosen.owed.empty() ? arrival.at_s : chosen.owed.back().ends_s;
    const double ends = starts + chosen.service_s(arrival);
    chosen.owed.push_back({starts, ends, arrival});
    waits_.push_back(starts - arrival.at_s);
    finishes_.push_back(ends - arrival.at_s);
  }

  ReplicaState& choose(const Arrival& arrival) {
    if (scenario_.routing == Routing::round_robin) return replicas_[turn_++ % replicas_.size()];
    decisions::RouteState state;
    for (const ReplicaState& each : replicas_)
      state.candidates.push_back(each.candidate(arrival.at_s));
    const auto choice = decisions::route(state, {arrival.prompt_tokens, arrival.output_tokens});
    const auto found = std::find_if(replicas_.begin(), replicas_.end(),
                                    [&](const auto& each) { return each.replica.id == choice.id; });
    CHECK(found != replicas_.end());
    return *found;
  }

  const Scenario& scenario_;
  std::vector<ReplicaState> replicas_;
  std::vector<double> waits_;
  std::vector<double> finishes_;
  int64_t refused_ = 0;
  size_t turn_ = 0;
};

}  // namespace

Result<Outcome> simulate(const Scenario& scenario) {
  TRY(check(scenario));
  return Simulation(scenario).run();
}

}  // namespace plinth::lab
