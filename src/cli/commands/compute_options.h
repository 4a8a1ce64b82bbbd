// SPDX-License-Identifier: Apache-2.0
// How a model is computed, for the commands that load one.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/engine.h"

namespace CLI {
class App;
}

namespace plinth::cli::commands {

struct ComputeOptions {
  bool is_exact = false;
  std::string kv;   // empty: as the engine chooses
  std::string isa;  // empty: the best

  void declare(CLI::App& app);  // --exact, --kv and --isa; must outlive the parsing
  void apply(engine::EngineOptions& options) const;
};

}  // namespace plinth::cli::commands
