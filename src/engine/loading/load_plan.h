// SPDX-License-Identifier: Apache-2.0
// What loading a model with given options comes to: checked, and measured before anything is
// loaded. Loading and predicting both go by it.
#pragma once

#include "engine/backend/backend.h"
#include "engine/engine.h"
#include "engine/gguf/file.h"
#include "engine/kv_cache/kv_plan.h"

namespace plinth::engine {

struct LoadPlan {
  int64_t context = 0;   // tokens of a sequence
  int64_t rows_max = 0;  // of a batch
  KvFormat kv_format = KvFormat::f32;
  KvRoom room;
  MemoryPrediction memory;
};

// Those that need no file and no backend. Error: invalid_argument names the option.
Status check_options(const EngineOptions& options);

// Reads the header and the small tensors. Errors: invalid_argument, and those of build_model.
Result<LoadPlan> plan_load(const EngineOptions& options, const gguf::File& file,
                           const ModelSummary& summary, const Backend& backend);

}  // namespace plinth::engine
