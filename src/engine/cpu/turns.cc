// SPDX-License-Identifier: Apache-2.0
// Angles are worked out in double.
#include "engine/cpu/turns.h"

#include <cmath>

namespace plinth::engine::cpu {

void fill_turns(const Rope& rope, int64_t position, float* turns) {
  const int64_t pairs = rope.pairs();
  const bool is_halves = rope.pairing == RopePairing::halves;
  for (int64_t i = 0; i < pairs; ++i) {
    const double angle = static_cast<double>(position) * rope.frequencies[static_cast<size_t>(i)];
    turns[is_halves ? i : 2 * i] = static_cast<float>(std::cos(angle) * rope.magnitude);
    turns[is_halves ? pairs + i : 2 * i + 1] = static_cast<float>(std::sin(angle) * rope.magnitude);
  }
}

void turn_heads(const kernels::KernelTable& kernels, const Rope& rope, const float* turns,
                float* heads, int64_t count, int64_t stride) {
  const auto turn = rope.pairing == RopePairing::halves ? kernels.rope_halves : kernels.rope;
  for (int64_t head = 0; head < count; ++head) turn(heads + head * stride, turns, rope.pairs());
}

}  // namespace plinth::engine::cpu
