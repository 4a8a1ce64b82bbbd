// SPDX-License-Identifier: Apache-2.0
// Q6_K: super-blocks of 256 values in 16 parts of 16. 210 bytes:
//
//     0 nibbles[128]  the low four bits of each value
//   128 pairs[64]     the upper two
//   192 steps[16]     signed bytes, one a part
//   208 unit, half precision, little-endian
//
//   value = (unit * step) * (level - 32)
//
// Each half of 128 values has 64 bytes of nibbles and 32 of pairs. Value i of a half has its low
// bits in byte i % 64 of its nibbles, in the low half of the byte when i < 64 and in the high half
// otherwise; its upper bits are the bits 2 * (i / 32) and up of byte i % 32 of its pairs.
#include <bit>
#include <cstring>

#include "engine/kernels/formats/codecs.h"
#include "engine/kernels/formats/fit.h"
#include "engine/kernels/formats/float16.h"

namespace plinth::engine::kernels {
namespace {

constexpr int kBlockBytes = 210;
constexpr int kParts = 16;
constexpr int kPartValues = 16;
constexpr int kPairsAt = 128;
constexpr int kStepsAt = 192;
constexpr int kUnitAt = 208;

struct Place {
  int nibble_byte;
  int nibble_shift;
  int pair_byte;
  int pair_shift;
};

Place place_of(int value) {
  const int half = value / 128;
  const int i = value % 128;
  return {half * 64 + i % 64, i / 64 * 4, kPairsAt + half * 32 + i % 32, i / 32 * 2};
}

}  // namespace

void widen_q6_k(const void* row, int64_t length, float* out) {
  const auto* block = static_cast<const uint8_t*>(row);
  for (int64_t i = 0; i < length; i += kSuperBlockValues, block += kBlockBytes) {
    const float unit = load_half(block + kUnitAt);
    for (int part = 0; part < kParts; ++part) {
      const auto step = unit * static_cast<float>(std::bit_cast<int8_t>(block[kStepsAt + part]));
      // The places of a part follow each other byte by byte.
      const Place place = place_of(part * kPartValues);
      for (int j = 0; j < kPartValues; ++j) {
        const int low = block[place.nibble_byte + j] >> place.nibble_shift & 0xf;
        const int high = block[place.pair_byte + j] >> place.pair_shift & 3;
        out[i + part * kPartValues + j] = step * static_cast<float>((low | high << 4) - 32);
      }
    }
  }
}

void narrow_q6_k(const float* row, int64_t length, void* out) {
  auto* block = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < length; i += kSuperBlockValues, block += kBlockBytes) {
    const PartSteps fit = fit_part_steps(row + i, kParts, -128, -32, 31);
    std::memset(block, 0, kBlockBytes);
    std::memcpy(block + kUnitAt, fit.unit, sizeof(fit.unit));
    for (int part = 0; part < kParts; ++part) {
      block[kStepsAt + part] = std::bit_cast<uint8_t>(static_cast<int8_t>(fit.steps[part]));
      const float inverse =
          inverse_or_zero(load_half(fit.unit) * static_cast<float>(fit.steps[part]));
      const Place place = place_of(part * kPartValues);
      for (int j = 0; j < kPartValues; ++j) {
        const float value = row[i + part * kPartValues + j];
        const int level = nearest_level(value * inverse, -32, 31) + 32;
        block[place.nibble_byte + j] |= static_cast<uint8_t>((level & 0xf) << place.nibble_shift);
        block[place.pair_byte + j] |= static_cast<uint8_t>(level >> 4 << place.pair_shift);
      }
    }
  }
}

}  // namespace plinth::engine::kernels
