// SPDX-License-Identifier: Apache-2.0
// Rotary positions applied.
#pragma once

#include <cstdint>

#include "engine/kernels/kernels.h"
#include "engine/models/rope.h"

namespace plinth::engine::cpu {

// Cosines and sines of a position, rope.length() of them, as the kernels want them.
void fill_turns(const Rope& rope, int64_t position, float* turns);

// Turns the leading values of `count` heads that lie `stride` apart.
void turn_heads(const kernels::KernelTable& kernels, const Rope& rope, const float* turns,
                float* heads, int64_t count, int64_t stride);

}  // namespace plinth::engine::cpu
