// SPDX-License-Identifier: Apache-2.0
// next: what a run does now, decided from its state and the time alone.
#pragma once

#include <string>

#include "agents/run/state.h"

namespace plinth::agents {

struct Effect {
  enum class Kind : uint8_t {
    wait,  // for an approval or a timer, or the run has ended
    fire_timer,
    call_model,
    call_tool,     // the first pending call
    mark_unknown,  // a step in hand may or may not have happened
    ask_unknown,   // a person decides about it
    complete,
    fail,
    cancel,
  };
  Kind kind = Kind::wait;
  int64_t step = 0;
  bool is_repeat = false;                // the intent is in the journal already
  bool is_approved = false;              // a person granted exactly this call
  ErrorCode code = ErrorCode::internal;  // fail
  std::string text;                      // complete: the answer; fail: why
};

Effect next(const State& state, WallTime now);

// Time the run has spent working, without waits.
int64_t active_ms(const State& state, WallTime now);

}  // namespace plinth::agents
