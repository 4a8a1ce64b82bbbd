// SPDX-License-Identifier: Apache-2.0
// The table of backends, which for now has one row.
#pragma once

#include <memory>

#include "engine/backend/backend.h"
#include "engine/engine.h"

namespace plinth::engine {

// What the options ask for; nothing starts before it builds. Error: invalid_argument names the
// option.
Result<std::unique_ptr<Backend>> make_backend(const EngineOptions& options);

}  // namespace plinth::engine
