// SPDX-License-Identifier: Apache-2.0
// Rotary positions (Su et al. 2021) and how models stretch them to longer contexts: linear, YaRN
// (Peng et al. 2023), and factors per pair (llama 3, LongRoPE).
#pragma once

#include <cstdint>
#include <vector>

#include "engine/models/model_reader.h"

namespace plinth::engine {

// Which values of a head turn together: (2i, 2i + 1), or (i, i + half).
enum class RopePairing : uint8_t { neighbours, halves };

struct Rope {
  RopePairing pairing = RopePairing::neighbours;
  std::vector<double> frequencies;  // radians per position, one per pair
  double magnitude = 1;             // of the turned values

  int64_t pairs() const { return static_cast<int64_t>(frequencies.size()); }
  int64_t length() const { return 2 * pairs(); }  // leading values of a head that turn
};

// Frequencies without any stretching.
Rope plain_rope(RopePairing pairing, int64_t length, double base);

// What rope.freq_base, rope.scaling.* and the factor tensors say. Errors: malformed, unsupported.
Result<Rope> read_rope(ModelReader& reader, RopePairing pairing, int64_t length);

}  // namespace plinth::engine
