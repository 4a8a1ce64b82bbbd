// SPDX-License-Identifier: Apache-2.0
// fold: journal entries -> State. Pure, and strict: an entry this program cannot have written is an
// error, never skipped, because acting on a half-understood history could repeat an effect.
#pragma once

#include <vector>

#include "agents/run/state.h"
#include "base/json.h"

namespace plinth::agents {

// Applies one entry. Errors: unsupported (a newer version or an unknown kind), corrupt (out of
// place).
Status apply(State& state, const Json& entry);
Result<State> fold(const std::vector<Json>& entries);

Result<guard::Principal> principal_from_json(const Json& json);

}  // namespace plinth::agents
