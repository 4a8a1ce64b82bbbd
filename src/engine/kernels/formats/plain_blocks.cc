// SPDX-License-Identifier: Apache-2.0
// Blocks of 32 values with one scale of their own. All numbers are little-endian, scales are half
// precision. In the 4 and 5 bit formats byte j of `nibbles` holds value j in its low and value
// j + 16 in its high four bits; bit j of `fifths` is the fifth bit of value j.
//
//   Q4_0, 18 bytes:  0 scale  2 nibbles[16]                        scale * (level - 8)
//   Q4_1, 20 bytes:  0 scale  2 floor    4 nibbles[16]             scale * level + floor
//   Q5_0, 22 bytes:  0 scale  2 fifths[4]  6 nibbles[16]           scale * (level - 16)
//   Q5_1, 24 bytes:  0 scale  2 floor    4 fifths[4]  8 nibbles[16]  scale * level + floor
//   Q8_0, 34 bytes:  0 scale  2 signed bytes[32]                   scale * byte
#include <bit>
#include <cmath>
#include <cstring>

#include "engine/kernels/formats/codecs.h"
#include "engine/kernels/formats/fit.h"
#include "engine/kernels/formats/float16.h"

namespace plinth::engine::kernels {
namespace {

constexpr int kValues = 32;
constexpr int kHalf = kValues / 2;

using Levels = int[kValues];

template <int kBlockBytes, typename Block>
void for_each_block(const void* row, int64_t length, const Block& block) {
  const auto* bytes = static_cast<const uint8_t*>(row);
  for (int64_t i = 0; i < length; i += kValues, bytes += kBlockBytes) block(bytes, i);
}

template <int kBlockBytes, typename Block>
void for_each_block(void* row, int64_t length, const Block& block) {
  auto* bytes = static_cast<uint8_t*>(row);
  for (int64_t i = 0; i < length; i += kValues, bytes += kBlockBytes) block(bytes, i);
}

void load_nibbles(const uint8_t* nibbles, Levels& levels) {
  for (int j = 0; j < kHalf; ++j) {
    levels[j] = nibbles[j] & 0xf;
    levels[j + kHalf] = nibbles[j] >> 4;
  }
}

void store_nibbles(const Levels& levels, uint8_t* nibbles) {
  for (int j = 0; j < kHalf; ++j) {
    nibbles[j] = static_cast<uint8_t>((levels[j] & 0xf) | (levels[j + kHalf] & 0xf) << 4);
  }
}

void add_fifths(const uint8_t* bytes, Levels& levels) {
  uint32_t fifths;
  std::memcpy(&fifths, bytes, sizeof(fifths));
  for (int j = 0; j < kValues; ++j) levels[j] |= static_cast<int>((fifths >> j & 1u) << 4);
}

void store_fifths(const Levels& levels, uint8_t* bytes) {
  uint32_t fifths = 0;
  for (int j = 0; j < kValues; ++j) fifths |= static_cast<uint32_t>(levels[j] >> 4 & 1) << j;
  std::memcpy(bytes, &fifths, sizeof(fifths));
}

// Levels of values / step, counted from `low` so that they are not negative.
void round_to_levels(const float* values, float step, int low, int high, Levels& levels) {
  const float inverse = inverse_or_zero(step);
  for (int j = 0; j < kValues; ++j) {
    levels[j] = nearest_level(values[j] * inverse, low, high) - low;
  }
}

// Stores the scale and the floor of a block at its start, and gives its levels.
void round_with_floor(const float* values, int high, uint8_t* block, Levels& levels) {
  const StepAndFloor fit = fit_step_and_floor(values, kValues, high);
  const float step = store_half(fit.step, block);
  const float floor = store_half(-fit.floor, block + 2);
  const float inverse = inverse_or_zero(step);
  for (int j = 0; j < kValues; ++j) {
    levels[j] = nearest_level((values[j] - floor) * inverse, 0, high);
  }
}

}  // namespace

void widen_q4_0(const void* row, int64_t length, float* out) {
  for_each_block<18>(row, length, [&](const uint8_t* block, int64_t i) {
    const float scale = load_half(block);
    Levels levels;
    load_nibbles(block + 2, levels);
    for (int j = 0; j < kValues; ++j) out[i + j] = scale * static_cast<float>(levels[j] - 8);
  });
}

void narrow_q4_0(const float* row, int64_t length, void* out) {
  for_each_block<18>(out, length, [&](uint8_t* block, int64_t i) {
    const float scale = store_half(fit_step(row + i, kValues, -8, 7), block);
    Levels levels;
    round_to_levels(row + i, scale, -8, 7, levels);
    store_nibbles(levels, block + 2);
  });
}

void widen_q4_1(const void* row, int64_t length, float* out) {
  for_each_block<20>(row, length, [&](const uint8_t* block, int64_t i) {
    const float scale = load_half(block);
    const float floor = load_half(block + 2);
    Levels levels;
    load_nibbles(block + 4, levels);
    for (int j = 0; j < kValues; ++j) out[i + j] = scale * static_cast<float>(levels[j]) + floor;
  });
}

void narrow_q4_1(const float* row, int64_t length, void* out) {
  for_each_block<20>(out, length, [&](uint8_t* block, int64_t i) {
    Levels levels;
    round_with_floor(row + i, 15, block, levels);
    store_nibbles(levels, block + 4);
  });
}

void widen_q5_0(const void* row, int64_t length, float* out) {
  for_each_block<22>(row, length, [&](const uint8_t* block, int64_t i) {
    const float scale = load_half(block);
    Levels levels;
    load_nibbles(block + 6, levels);
    add_fifths(block + 2, levels);
    for (int j = 0; j < kValues; ++j) out[i + j] = scale * static_cast<float>(levels[j] - 16);
  });
}

void narrow_q5_0(const float* row, int64_t length, void* out) {
  for_each_block<22>(out, length, [&](uint8_t* block, int64_t i) {
    const float scale = store_half(fit_step(row + i, kValues, -16, 15), block);
    Levels levels;
    round_to_levels(row + i, scale, -16, 15, levels);
    store_fifths(levels, block + 2);
    store_nibbles(levels, block + 6);
  });
}

void widen_q5_1(const void* row, int64_t length, float* out) {
  for_each_block<24>(row, length, [&](const uint8_t* block, int64_t i) {
    const float scale = load_half(block);
    const float floor = load_half(block + 2);
    Levels levels;
    load_nibbles(block + 8, levels);
    add_fifths(block + 4, levels);
    for (int j = 0; j < kValues; ++j) out[i + j] = scale * static_cast<float>(levels[j]) + floor;
  });
}

void narrow_q5_1(const float* row, int64_t length, void* out) {
  for_each_block<24>(out, length, [&](uint8_t* block, int64_t i) {
    Levels levels;
    round_with_floor(row + i, 31, block, levels);
    store_fifths(levels, block + 4);
    store_nibbles(levels, block + 8);
  });
}

void widen_q8_0(const void* row, int64_t length, float* out) {
  for_each_block<34>(row, length, [&](const uint8_t* block, int64_t i) {
    const float scale = load_half(block);
    for (int j = 0; j < kValues; ++j) {
      out[i + j] = scale * static_cast<float>(std::bit_cast<int8_t>(block[2 + j]));
    }
  });
}

// With 8 bits a search gains next to nothing: the peak goes to the outermost level.
void narrow_q8_0(const float* row, int64_t length, void* out) {
  for_each_block<34>(out, length, [&](uint8_t* block, int64_t i) {
    const float scale = store_half(std::fabs(peak_of(row + i, kValues)) / 127, block);
    const float inverse = inverse_or_zero(scale);
    for (int j = 0; j < kValues; ++j) {
      const int level = nearest_level(row[i + j] * inverse, -127, 127);
      block[2 + j] = std::bit_cast<uint8_t>(static_cast<int8_t>(level));
    }
  });
}

}  // namespace plinth::engine::kernels
