// SPDX-License-Identifier: Apache-2.0
#include "engine/loading/make_backend.h"

#include "engine/cpu/cpu_backend.h"

namespace plinth::engine {

Result<std::unique_ptr<Backend>> make_backend(const EngineOptions& options) {
  return cpu::make_cpu_backend(options.isa, options.threads);
}

}  // namespace plinth::engine
