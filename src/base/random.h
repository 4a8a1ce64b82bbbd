// SPDX-License-Identifier: Apache-2.0
// Randomness as a seam: SystemRandom for secrets and ids, SeededRandom (xoshiro256**) for
// everything replayable.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace plinth {

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next() = 0;
  void fill(std::span<uint8_t> out);
  double uniform();                // [0, 1)
  uint64_t below(uint64_t bound);  // [0, bound), unbiased; bound > 0
};

// libsodium's generator; thread-safe.
class SystemRandom final : public Random {
 public:
  SystemRandom();
  uint64_t next() override;
};

// Not thread-safe. Algorithm: Blackman and Vigna, "Scrambled linear pseudorandom number generators"
// (2018).
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed);
  uint64_t next() override;

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace plinth
