// SPDX-License-Identifier: Apache-2.0
// The backend that computes on this machine's processors.
#pragma once

#include <memory>
#include <string>

#include "engine/backend/backend.h"

namespace plinth::engine::cpu {

// `isa` is one of this processor's levels, empty for the best; threads: 0 for one per physical
// core. Error: invalid_argument names "isa" and the levels there are, or "threads".
Result<std::unique_ptr<Backend>> make_cpu_backend(const std::string& isa, int threads);

}  // namespace plinth::engine::cpu
