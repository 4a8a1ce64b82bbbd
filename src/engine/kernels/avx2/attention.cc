// SPDX-License-Identifier: Apache-2.0
// Attention with AVX2, FMA and F16C: a block's 16 tokens are the lanes of two vectors.
#if defined(__x86_64__)
#include "engine/kernels/attention/attention.h"
#include "engine/kernels/attention/tiles.h"
#include "engine/kernels/avx2/math.h"

namespace plinth::engine::kernels {
namespace {

struct Avx2 {
  using Vector = __m256;
  static constexpr int kLanes = 8;
  static constexpr int kWideBlocks = 1;
  static constexpr int kMixVectors = 2;

  static Vector zero() { return _mm256_setzero_ps(); }
  static Vector fill(float value) { return _mm256_set1_ps(value); }
  static Vector load(const float* from) { return _mm256_loadu_ps(from); }
  static void store(float* to, Vector value) { _mm256_storeu_ps(to, value); }
  static Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static Vector multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  static Vector larger(Vector a, Vector b) { return _mm256_max_ps(a, b); }
  static Vector exponential(Vector x) { return kernels::exponential(x); }
  static Vector soft_cap(Vector x, float cap) {
    const Vector scale = fill(cap);
    return multiply(scale, tanh_of(_mm256_div_ps(x, scale)));
  }

  // Lanes begin to end - 1 of value, `other` in those outside.
  static Vector keep(Vector value, int begin, int end, Vector other) {
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i from = _mm256_cmpgt_epi32(index, _mm256_set1_epi32(begin - 1));
    const __m256i to = _mm256_cmpgt_epi32(_mm256_set1_epi32(end), index);
    return _mm256_blendv_ps(other, value, _mm256_castsi256_ps(_mm256_and_si256(from, to)));
  }
  static float sum_of(Vector value) {
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(value), _mm256_extractf128_ps(value, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
  }
  static float largest_of(Vector value) {
    __m128 top = _mm_max_ps(_mm256_castps256_ps128(value), _mm256_extractf128_ps(value, 1));
    top = _mm_max_ps(top, _mm_movehl_ps(top, top));
    return _mm_cvtss_f32(_mm_max_ss(top, _mm_movehdup_ps(top)));
  }
  static float first(Vector value) { return _mm256_cvtss_f32(value); }

  static Vector widen_halves(const uint8_t* halves) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves)));
  }
  static Vector widen_bytes(const uint8_t* codes) {
    return _mm256_cvtepi32_ps(
        _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes))));
  }
  // The low or the high four bits of each byte, minus 8.
  static Vector widen_nibbles(const uint8_t* codes, bool is_high) {
    const __m256i bytes =
        _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(codes)));
    const __m128i shift = _mm_cvtsi32_si128(is_high ? 4 : 0);
    const __m256i levels = _mm256_and_si256(_mm256_srl_epi32(bytes, shift), _mm256_set1_epi32(0xf));
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(levels, _mm256_set1_epi32(8)));
  }
  static float half(const uint8_t* bytes) {
    uint16_t bits;
    __builtin_memcpy(&bits, bytes, sizeof(bits));
    return _cvtsh_ss(bits);
  }
};

}  // namespace

void attend_avx2(const AttentionChunk& chunk) { attend_with<Avx2>(chunk); }

}  // namespace plinth::engine::kernels
#endif
