// SPDX-License-Identifier: Apache-2.0
// Packs the matrices of a plan that are multiplied with activations. Embeddings that are only
// looked up, and routers, whose choices must not depend on rounding, stay as the file holds them.
#pragma once

#include "engine/models/decoder_plan.h"
#include "engine/models/encoder_plan.h"
#include "engine/models/model.h"

namespace plinth::engine {

// The packed matrices of a plan lie in one range of memory, in the order of the plan. With
// options.cache_folder it is read from the file an earlier load wrote, or written for the next
// one. When memory is short the plan stays as it is, and the log says so.
void pack(DecoderPlan& plan, const BuildOptions& options);
void pack(EncoderPlan& plan, const BuildOptions& options);

// The bytes that pack() takes.
uint64_t packed_bytes(DecoderPlan& plan);
uint64_t packed_bytes(EncoderPlan& plan);

}  // namespace plinth::engine
