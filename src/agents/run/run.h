// SPDX-License-Identifier: Apache-2.0
// One run in memory: its folded state and its place in the journal.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "agents/run/state.h"
#include "base/deadline.h"
#include "base/mutex.h"
#include "store/journal.h"

namespace plinth::agents {

// Shared between the index, the worker that drives it and callers that look at it: any of them may
// be the last. One worker at a time drives a run (is_active); callers only add a cancel or an
// approval, under the mutex.
struct Run {
  explicit Run(store::StreamName name) : stream(std::move(name)) {}

  const store::StreamName stream;
  Mutex mutex;
  State state GUARDED_BY(mutex);
  store::Sequence sequence GUARDED_BY(mutex) = store::kBeginning;
  std::vector<Json> pending GUARDED_BY(mutex);  // part of `state`, not yet in the journal
  bool is_active GUARDED_BY(mutex) = false;     // a worker has it or will take it
  std::string lost GUARDED_BY(mutex);           // why this process can no longer write it
  int model_tries GUARDED_BY(mutex) = 0;        // of the step in hand
  std::atomic<bool> is_over{false};             // its end is in the journal
  Cancellation cancellation;                    // of the effect in hand
};

RunSummary summary_of(const Run& run) REQUIRES(run.mutex);
RunSummary summary_of(const State& state);

}  // namespace plinth::agents
