// SPDX-License-Identifier: Apache-2.0
// Q3_K: super-blocks of 256 values in 16 parts of 16. 110 bytes:
//
//     0 thirds[32]   bit i / 32 of byte i % 32 is the third bit of value i
//    32 levels[64]   the two low bits of each value: value i of the first half (i < 128) has the
//                    bits 2 * (i / 32) and up of levels[i % 32]; the second half lies likewise in
//                    the next 32 bytes
//    96 steps[12]    6 bits a part, see below
//   108 unit, half precision, little-endian
//
//   value = (unit * (step - 32)) * (level - 4)
//
// Steps: byte j of the first eight holds the low four bits of step j in its low half and those of
// step j + 8 in its high half; bits 2 * (j / 4) and up of byte 8 + j % 4 are the upper two of step
// j.
#include <cstring>

#include "engine/kernels/formats/codecs.h"
#include "engine/kernels/formats/fit.h"
#include "engine/kernels/formats/float16.h"

namespace plinth::engine::kernels {
namespace {

constexpr int kBlockBytes = 110;
constexpr int kParts = 16;
constexpr int kPartValues = 16;
constexpr int kLevelsAt = 32;
constexpr int kStepsAt = 96;
constexpr int kUnitAt = 108;

struct Place {
  int level_byte;
  int level_shift;
  int third_byte;
  int third_bit;
};

Place place_of(int value) {
  return {kLevelsAt + value / 128 * 32 + value % 32, value % 128 / 32 * 2, value % 32, value / 32};
}

int load_step(const uint8_t* steps, int part) {
  const int low = steps[part % 8] >> (part / 8 * 4) & 0xf;
  const int high = steps[8 + part % 4] >> (part / 4 * 2) & 3;
  return (low | high << 4) - 32;
}

void store_step(int step, int part, uint8_t* steps) {
  const int bits = step + 32;
  steps[part % 8] |= static_cast<uint8_t>((bits & 0xf) << (part / 8 * 4));
  steps[8 + part % 4] |= static_cast<uint8_t>(bits >> 4 << (part / 4 * 2));
}

}  // namespace

void widen_q3_k(const void* row, int64_t length, float* out) {
  const auto* block = static_cast<const uint8_t*>(row);
  for (int64_t i = 0; i < length; i += kSuperBlockValues, block += kBlockBytes) {
    const float unit = load_half(block + kUnitAt);
    for (int part = 0; part < kParts; ++part) {
      const float step = unit * static_cast<float>(load_step(block + kStepsAt, part));
      // The places of a part follow each other byte by byte.
      const Place place = place_of(part * kPartValues);
      for (int j = 0; j < kPartValues; ++j) {
        const int low = block[place.level_byte + j] >> place.level_shift & 3;
        const int third = block[place.third_byte + j] >> place.third_bit & 1;
        out[i + part * kPartValues + j] = step * static_cast<float>(low + third * 4 - 4);
      }
    }
  }
}

void narrow_q3_k(const float* row, int64_t length, void* out) {
  auto* block = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < length; i += kSuperBlockValues, block += kBlockBytes) {
    const PartSteps fit = fit_part_steps(row + i, kParts, -32, -4, 3);
    std::memset(block, 0, kBlockBytes);
    std::memcpy(block + kUnitAt, fit.unit, sizeof(fit.unit));
    for (int part = 0; part < kParts; ++part) {
      store_step(fit.steps[part], part, block + kStepsAt);
      const float inverse =
          inverse_or_zero(load_half(fit.unit) * static_cast<float>(fit.steps[part]));
      const Place place = place_of(part * kPartValues);
      for (int j = 0; j < kPartValues; ++j) {
        const int level = nearest_level(row[i + part * kPartValues + j] * inverse, -4, 3) + 4;
        block[place.level_byte + j] |= static_cast<uint8_t>((level & 3) << place.level_shift);
        block[place.third_byte + j] |= static_cast<uint8_t>(level >> 2 << place.third_bit);
      }
    }
  }
}

}  // namespace plinth::engine::kernels
