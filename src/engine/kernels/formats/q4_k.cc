// SPDX-License-Identifier: Apache-2.0
// Q4_K and Q5_K: super-blocks of 256 values in 8 parts of 32.
//
//   Q4_K, 144 bytes:  0 unit  2 floor unit  4 parts[12]  16 nibbles[128]
//   Q5_K, 176 bytes:  0 unit  2 floor unit  4 parts[12]  16 fifths[32]  48 nibbles[128]
//
//   value = (unit * step) * level - floor unit * floor
//
// Units are half precision, little-endian. Parts 2g and 2g + 1 share the 32 bytes of nibbles from
// 32 * g: the even part has the low four bits, the odd one the high. Bit p of fifths[j] is the
// fifth bit of value j of part p.
//
// parts[12] holds a step and a floor of 6 bits for each of the 8 parts. Those of part p < 4 are the
// low six bits of bytes p (step) and p + 4 (floor). Of part p >= 4 byte p + 4 has the low four bits
// of the step in its low half and of the floor in its high half; their upper two bits are the upper
// two of bytes p - 4 (step) and p (floor).
#include <cstring>

#include "engine/kernels/formats/codecs.h"
#include "engine/kernels/formats/fit.h"
#include "engine/kernels/formats/float16.h"

namespace plinth::engine::kernels {
namespace {

constexpr int kParts = 8;
constexpr int kPartValues = 32;
constexpr int kPartsAt = 4;
constexpr int kFifthsAt = 16;

struct Q4 {
  static constexpr int kBlockBytes = 144;
  static constexpr int kNibblesAt = 16;
  static constexpr int kLevelMax = 15;
  static constexpr bool kHasFifths = false;
};

struct Q5 {
  static constexpr int kBlockBytes = 176;
  static constexpr int kNibblesAt = 48;
  static constexpr int kLevelMax = 31;
  static constexpr bool kHasFifths = true;
};

int load_step(const uint8_t* parts, int part) {
  if (part < 4) return parts[part] & 0x3f;
  return (parts[part + 4] & 0xf) | parts[part - 4] >> 6 << 4;
}

int load_floor(const uint8_t* parts, int part) {
  if (part < 4) return parts[part + 4] & 0x3f;
  return parts[part + 4] >> 4 | parts[part] >> 6 << 4;
}

void store_part(int step, int floor, int part, uint8_t* parts) {
  if (part < 4) {
    parts[part] |= static_cast<uint8_t>(step);
    parts[part + 4] |= static_cast<uint8_t>(floor);
  } else {
    parts[part + 4] |= static_cast<uint8_t>((step & 0xf) | (floor & 0xf) << 4);
    parts[part - 4] |= static_cast<uint8_t>(step >> 4 << 6);
    parts[part] |= static_cast<uint8_t>(floor >> 4 << 6);
  }
}

template <typename Layout>
void widen(const void* row, int64_t length, float* out) {
  const auto* block = static_cast<const uint8_t*>(row);
  for (int64_t i = 0; i < length; i += kSuperBlockValues, block += Layout::kBlockBytes) {
    const float unit = load_half(block);
    const float floor_unit = load_half(block + 2);
    for (int part = 0; part < kParts; ++part) {
      const float step = unit * static_cast<float>(load_step(block + kPartsAt, part));
      const float floor = floor_unit * static_cast<float>(load_floor(block + kPartsAt, part));
      const uint8_t* nibbles = block + Layout::kNibblesAt + part / 2 * kPartValues;
      float* values = out + i + part * kPartValues;
      for (int j = 0; j < kPartValues; ++j) {
        int level = nibbles[j] >> (part % 2 * 4) & 0xf;
        if constexpr (Layout::kHasFifths) level |= (block[kFifthsAt + j] >> part & 1) << 4;
        values[j] = step * static_cast<float>(level) - floor;
      }
    }
  }
}

template <typename Layout>
void narrow(const float* row, int64_t length, void* out) {
  auto* block = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < length; i += kSuperBlockValues, block += Layout::kBlockBytes) {
    const PartStepsAndFloors fit =
        fit_part_steps_and_floors(row + i, kParts, 63, Layout::kLevelMax);
    std::memset(block, 0, Layout::kBlockBytes);
    std::memcpy(block, fit.unit, sizeof(fit.unit));
    std::memcpy(block + 2, fit.floor_unit, sizeof(fit.floor_unit));
    for (int part = 0; part < kParts; ++part) {
      store_part(fit.steps[part], fit.floors[part], part, block + kPartsAt);
      const float inverse =
          inverse_or_zero(load_half(fit.unit) * static_cast<float>(fit.steps[part]));
      const float floor = load_half(fit.floor_unit) * static_cast<float>(fit.floors[part]);
      uint8_t* nibbles = block + Layout::kNibblesAt + part / 2 * kPartValues;
      const float* values = row + i + part * kPartValues;
      for (int j = 0; j < kPartValues; ++j) {
        const int level = nearest_level((values[j] + floor) * inverse, 0, Layout::kLevelMax);
        nibbles[j] |= static_cast<uint8_t>((level & 0xf) << (part % 2 * 4));
        if constexpr (Layout::kHasFifths) {
          block[kFifthsAt + j] |= static_cast<uint8_t>(level >> 4 << part);
        }
      }
    }
  }
}

}  // namespace

void widen_q4_k(const void* row, int64_t length, float* out) { widen<Q4>(row, length, out); }
void narrow_q4_k(const float* row, int64_t length, void* out) { narrow<Q4>(row, length, out); }
void widen_q5_k(const void* row, int64_t length, float* out) { widen<Q5>(row, length, out); }
void narrow_q5_k(const float* row, int64_t length, void* out) { narrow<Q5>(row, length, out); }

}  // namespace plinth::engine::kernels
