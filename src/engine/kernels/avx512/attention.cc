// SPDX-License-Identifier: Apache-2.0
// Attention with AVX-512: a block's 16 tokens are the lanes of one vector.
#if defined(__x86_64__)
#include "engine/kernels/attention/attention.h"
#include "engine/kernels/attention/tiles.h"
#include "engine/kernels/avx512/math.h"

namespace plinth::engine::kernels {
namespace {

struct Avx512 {
  using Vector = __m512;
  static constexpr int kLanes = 16;
  static constexpr int kWideBlocks = 4;
  static constexpr int kMixVectors = 4;

  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector fill(float value) { return _mm512_set1_ps(value); }
  static Vector load(const float* from) { return _mm512_loadu_ps(from); }
  static void store(float* to, Vector value) { _mm512_storeu_ps(to, value); }
  static Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static Vector multiply(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
  static Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  static Vector larger(Vector a, Vector b) { return _mm512_max_ps(a, b); }
  static Vector exponential(Vector x) { return kernels::exponential(x); }
  static Vector soft_cap(Vector x, float cap) {
    const Vector scale = fill(cap);
    return multiply(scale, tanh_of(_mm512_div_ps(x, scale)));
  }

  // Lanes begin to end - 1 of value, `other` in those outside.
  static Vector keep(Vector value, int begin, int end, Vector other) {
    const __m512i index = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __mmask16 from = _mm512_cmpge_epi32_mask(index, _mm512_set1_epi32(begin));
    const __mmask16 kept = _mm512_mask_cmplt_epi32_mask(from, index, _mm512_set1_epi32(end));
    return _mm512_mask_mov_ps(other, kept, value);
  }
  static float sum_of(Vector value) { return _mm512_reduce_add_ps(value); }
  static float largest_of(Vector value) { return _mm512_reduce_max_ps(value); }
  static float first(Vector value) { return _mm512_cvtss_f32(value); }

  static Vector widen_halves(const uint8_t* halves) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves)));
  }
  static Vector widen_bytes(const uint8_t* codes) {
    return _mm512_cvtepi32_ps(
        _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes))));
  }
  // The low or the high four bits of each byte, minus 8.
  static Vector widen_nibbles(const uint8_t* codes, bool is_high) {
    const __m512 values = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
    const __m512i bytes =
        _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes)));
    const __m128i shift = _mm_cvtsi32_si128(is_high ? 4 : 0);
    return _mm512_permutexvar_ps(_mm512_srl_epi32(bytes, shift), values);  // reads 4 bits
  }
  static float half(const uint8_t* bytes) {
    uint16_t bits;
    __builtin_memcpy(&bits, bytes, sizeof(bits));
    return _cvtsh_ss(bits);
  }
};

}  // namespace

void attend_avx512(const AttentionChunk& chunk) { attend_with<Avx512>(chunk); }

}  // namespace plinth::engine::kernels
#endif
