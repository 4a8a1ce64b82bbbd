// SPDX-License-Identifier: Apache-2.0
// F32, F16 and BF16: rows of single values, little-endian.
#include "engine/kernels/formats/float16.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "engine/kernels/formats/codecs.h"

namespace plinth::engine::kernels {

float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1fu;
  const uint32_t mantissa = half & 0x3ffu;
  if (exponent == 0) {
    // Zero or subnormal: mantissa * 2^-24, exact in F32.
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
  }
  const uint32_t wide_exponent = exponent == 0x1f ? 0xffu : exponent + (127 - 15);
  return std::bit_cast<float>(sign | (wide_exponent << 23) | (mantissa << 13));
}

uint16_t float_to_half(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x7f800000u) {
    return static_cast<uint16_t>(sign | 0x7c00u | (magnitude > 0x7f800000u ? 0x200u : 0u));
  }
  if (magnitude < 0x38800000u) {
    // Below the smallest normal half: adding 0.5 lets the F32 adder round to steps of 2^-24.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u));
  }
  const uint32_t round_up = 0xfffu + ((magnitude >> 13) & 1u);
  const uint32_t half = (magnitude - 0x38000000u + round_up) >> 13;
  return static_cast<uint16_t>(sign | (half > 0x7c00u ? 0x7c00u : half));
}

uint16_t float_to_bfloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  // A NaN whose payload lies in the lower half must not round to infinity.
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

float load_half(const uint8_t* bytes) {
  uint16_t half;
  std::memcpy(&half, bytes, sizeof(half));
  return half_to_float(half);
}

float store_half(float value, uint8_t* bytes) {
  constexpr float kHalfMax = 65504;
  const float stored = std::isnan(value) ? 0.0f : std::clamp(value, -kHalfMax, kHalfMax);
  const uint16_t half = float_to_half(stored);
  std::memcpy(bytes, &half, sizeof(half));
  return half_to_float(half);
}

void widen_f32(const void* row, int64_t length, float* out) {
  std::memcpy(out, row, static_cast<size_t>(length) * sizeof(float));
}

void narrow_f32(const float* row, int64_t length, void* out) {
  std::memcpy(out, row, static_cast<size_t>(length) * sizeof(float));
}

void widen_f16(const void* row, int64_t length, float* out) {
  const auto* bytes = static_cast<const uint8_t*>(row);
  for (int64_t i = 0; i < length; ++i) out[i] = load_half(bytes + 2 * i);
}

void narrow_f16(const float* row, int64_t length, void* out) {
  auto* bytes = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < length; ++i) {
    const uint16_t half = float_to_half(row[i]);
    std::memcpy(bytes + 2 * i, &half, sizeof(half));
  }
}

void widen_bf16(const void* row, int64_t length, float* out) {
  const auto* bytes = static_cast<const uint8_t*>(row);
  for (int64_t i = 0; i < length; ++i) {
    uint16_t upper;
    std::memcpy(&upper, bytes + 2 * i, sizeof(upper));
    out[i] = std::bit_cast<float>(static_cast<uint32_t>(upper) << 16);
  }
}

void narrow_bf16(const float* row, int64_t length, void* out) {
  auto* bytes = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < length; ++i) {
    const uint16_t upper = float_to_bfloat(row[i]);
    std::memcpy(bytes + 2 * i, &upper, sizeof(upper));
  }
}

}  // namespace plinth::engine::kernels
