// SPDX-License-Identifier: Apache-2.0
// Chooses the kernel table, and widens packed rows.
#include "engine/kernels/kernels.h"

#include <bit>
#include <cstring>

namespace plinth::engine::kernels {

KernelTables available_kernels() {
  KernelTables found{{&kScalarKernels, nullptr, nullptr}, 1};
#if defined(__x86_64__)
  // These checks include the operating system's support for the wider registers.
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                        __builtin_cpu_supports("f16c");
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (has_avx2) found.tables[found.count++] = &kAvx2Kernels;
  if (has_avx2 && has_avx512) found.tables[found.count++] = &kAvx512Kernels;
#endif
  return found;
}

const KernelTable& best_kernels() {
  static const KernelTables found = available_kernels();
  return *found.tables[found.count - 1];
}

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

void widen_f16(const void* row, int64_t length, float* out) {
  const auto* bytes = static_cast<const uint8_t*>(row);
  for (int64_t i = 0; i < length; ++i) {
    uint16_t half;
    std::memcpy(&half, bytes + 2 * i, sizeof(half));
    out[i] = half_to_float(half);
  }
}

void widen_q8_0(const void* row, int64_t length, float* out) {
  constexpr int64_t kBlockValues = 32;
  constexpr int64_t kBlockBytes = 34;
  const auto* block = static_cast<const uint8_t*>(row);
  for (int64_t i = 0; i < length; i += kBlockValues, block += kBlockBytes) {
    uint16_t scale;
    std::memcpy(&scale, block, sizeof(scale));
    const float step = half_to_float(scale);
    for (int64_t j = 0; j < kBlockValues; ++j) {
      out[i + j] = step * static_cast<float>(static_cast<int8_t>(block[2 + j]));
    }
  }
}

}  // namespace plinth::engine::kernels
