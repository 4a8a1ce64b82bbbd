// SPDX-License-Identifier: Apache-2.0
// What an agent may ask for: its starter's request, delegated and narrowed to the agent's own tools
// and space.
#pragma once

#include <string>

#include "agents/run/state.h"
#include "guard/authorizer.h"
#include "guard/request.h"

namespace plinth::agents {

// The principal "agent:NAME" acting for the run's owner; the label is that of the model's whole
// context.
guard::Request request_of(const State& state, const std::string& model, const Clock& clock,
                          const Cancellation& cancellation);
// The first principal of the chain: whose data the run works on.
const std::string& first_principal(const State& state);
// The question put to the authorizer before a tool runs.
guard::Action tool_action(const State& state, int64_t step, const std::string& tool,
                          const Json& arguments);
Duration time_left(const State& state, WallTime now);

}  // namespace plinth::agents
