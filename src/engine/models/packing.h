// SPDX-License-Identifier: Apache-2.0
// Packs the matrices of a plan that are multiplied with activations. Embeddings that are only
// looked up, and routers, whose choices must not depend on rounding, stay as the file holds them.
#pragma once

#include "engine/models/decoder_plan.h"
#include "engine/models/encoder_plan.h"

namespace plinth::engine {

void pack(DecoderPlan& plan, kernels::ThreadPool& pool);
void pack(EncoderPlan& plan, kernels::ThreadPool& pool);

// The bytes that pack() takes.
uint64_t packed_bytes(const DecoderPlan& plan);
uint64_t packed_bytes(const EncoderPlan& plan);

}  // namespace plinth::engine
