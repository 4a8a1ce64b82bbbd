// SPDX-License-Identifier: Apache-2.0
// Q2_K: super-blocks of 256 values in 16 parts of 16. 84 bytes:
//
//    0 parts[16]   low four bits: step of part j; high four bits: its floor
//   16 levels[64]  2 bits a value, see below
//   80 unit, half precision, little-endian
//   82 floor unit, the same
//
//   value = (unit * step) * level - floor unit * floor
//
// Value i of the first half (i < 128) has the bits 2 * (i / 32) and up of levels[i % 32]; the
// second half lies likewise in the next 32 bytes.
#include <cstring>

#include "engine/kernels/formats/codecs.h"
#include "engine/kernels/formats/fit.h"
#include "engine/kernels/formats/float16.h"

namespace plinth::engine::kernels {
namespace {

constexpr int kBlockBytes = 84;
constexpr int kParts = 16;
constexpr int kPartValues = 16;
constexpr int kLevelsAt = 16;

struct Place {
  int byte;
  int shift;
};

Place place_of(int value) {
  return {kLevelsAt + value / 128 * 32 + value % 32, value % 128 / 32 * 2};
}

}  // namespace

void widen_q2_k(const void* row, int64_t length, float* out) {
  const auto* block = static_cast<const uint8_t*>(row);
  for (int64_t i = 0; i < length; i += kSuperBlockValues, block += kBlockBytes) {
    const float unit = load_half(block + 80);
    const float floor_unit = load_half(block + 82);
    for (int part = 0; part < kParts; ++part) {
      const float step = unit * static_cast<float>(block[part] & 0xf);
      const float floor = floor_unit * static_cast<float>(block[part] >> 4);
      // The places of a part follow each other byte by byte.
      const Place place = place_of(part * kPartValues);
      for (int j = 0; j < kPartValues; ++j) {
        const int level = block[place.byte + j] >> place.shift & 3;
        out[i + part * kPartValues + j] = step * static_cast<float>(level) - floor;
      }
    }
  }
}

void narrow_q2_k(const float* row, int64_t length, void* out) {
  auto* block = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < length; i += kSuperBlockValues, block += kBlockBytes) {
    const PartStepsAndFloors fit = fit_part_steps_and_floors(row + i, kParts, 15, 3);
    std::memset(block, 0, kBlockBytes);
    std::memcpy(block + 80, fit.unit, sizeof(fit.unit));
    std::memcpy(block + 82, fit.floor_unit, sizeof(fit.floor_unit));
    for (int part = 0; part < kParts; ++part) {
      block[part] = static_cast<uint8_t>(fit.steps[part] | fit.floors[part] << 4);
      const float inverse =
          inverse_or_zero(load_half(fit.unit) * static_cast<float>(fit.steps[part]));
      const float floor = load_half(fit.floor_unit) * static_cast<float>(fit.floors[part]);
      const Place place = place_of(part * kPartValues);
      for (int j = 0; j < kPartValues; ++j) {
        const float value = row[i + part * kPartValues + j];
        const int level = nearest_level((value + floor) * inverse, 0, 3);
        block[place.byte + j] |= static_cast<uint8_t>(level << place.shift);
      }
    }
  }
}

}  // namespace plinth::engine::kernels
