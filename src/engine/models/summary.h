// SPDX-License-Identifier: Apache-2.0
// What a model file's header says about the model.
#pragma once

#include "base/result.h"
#include "engine/engine.h"
#include "engine/gguf/file.h"

namespace plinth::engine {

Result<ModelSummary> summarize(const gguf::File& file);

}  // namespace plinth::engine
