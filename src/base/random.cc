// SPDX-License-Identifier: Apache-2.0
// The two generators, and how bits become numbers in a range.
#include "base/random.h"

#include <sodium.h>

#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace plinth {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014): spreads one seed over the whole state, as xoshiro's authors
// advise.
uint64_t split_mix(uint64_t& state) {
  state += 0x9e3779b97f4a7c15u;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

void Random::fill(std::span<uint8_t> out) {
  while (!out.empty()) {
    const uint64_t bits = next();
    const size_t count = std::min(out.size(), sizeof bits);
    std::memcpy(out.data(), &bits, count);
    out = out.subspan(count);
  }
}

double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

// Lemire, "Fast random integer generation in an interval" (2019): multiply, reject the uneven rest.
uint64_t Random::below(uint64_t bound) {
  CHECK(bound > 0);
  const uint64_t uneven = (0 - bound) % bound;
  for (;;) {
    const auto product = static_cast<unsigned __int128>(next()) * bound;
    if (static_cast<uint64_t>(product) >= uneven) return static_cast<uint64_t>(product >> 64);
  }
}

SystemRandom::SystemRandom() { CHECK(sodium_init() >= 0); }

// The system is asked for many numbers at once: each question is a system call. A number leaves the
// store when it is given away. A child process runs another program before it draws any.
uint64_t SystemRandom::next() {
  constexpr size_t kStored = 64;
  thread_local std::array<uint64_t, kStored> stored;
  thread_local size_t left = 0;
  if (left == 0) {
    randombytes_buf(stored.data(), sizeof stored);
    left = kStored;
  }
  return std::exchange(stored[--left], 0);
}

SeededRandom::SeededRandom(uint64_t seed) : state_{} {
  for (uint64_t& word : state_) word = split_mix(seed);
}

uint64_t SeededRandom::next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

}  // namespace plinth
