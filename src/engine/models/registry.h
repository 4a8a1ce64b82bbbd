// SPDX-License-Identifier: Apache-2.0
// From a file to a model: its architecture's plan, handed to a backend.
#pragma once

#include <memory>

#include "engine/backend/backend.h"

namespace plinth::engine {

// Whether a file's architecture makes embeddings instead of tokens. Errors: those of build_model.
Result<bool> is_encoder(const gguf::Contents& contents);

// Builds nothing. Errors: those of build_model that the header can cause.
Result<ModelSize> measure_model(const BuildOptions& options, const Backend& backend);

// Errors: unsupported (names the architecture and the supported ones, or the key or tensor that is
// not computed), malformed, too_large.
Result<std::unique_ptr<Model>> build_model(const BuildOptions& options, Backend& backend);
Result<std::unique_ptr<Encoder>> build_encoder(const BuildOptions& options, Backend& backend);

}  // namespace plinth::engine
