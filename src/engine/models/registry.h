// SPDX-License-Identifier: Apache-2.0
// From a file to the plan of its architecture.
#pragma once

#include "base/result.h"
#include "engine/gguf/file.h"
#include "engine/models/decoder_plan.h"
#include "engine/models/encoder_plan.h"

namespace plinth::engine {

// Whether a file's architecture makes embeddings instead of tokens. Errors: those of plan_decoder.
Result<bool> is_encoder(const gguf::Contents& contents);

// For sequences of `context` tokens. The file outlives the plan. Errors: unsupported (names the
// architecture and the supported ones, or the key or tensor that is not computed), malformed.
Result<DecoderPlan> plan_decoder(const gguf::File& file, int64_t context);
Result<EncoderPlan> plan_encoder(const gguf::File& file, int64_t context);

}  // namespace plinth::engine
