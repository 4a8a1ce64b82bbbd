// SPDX-License-Identifier: Apache-2.0
// Functions of vectors that several AVX2 files use. Only they include this: its functions are
// local to each, so that no copy of them reaches code for other CPUs.
#pragma once

#include <immintrin.h>

namespace plinth::engine::kernels {

// exp by 2^n * p(r), x = n ln 2 + r, |r| <= ln 2 / 2; p is the Taylor sum to r^7 (error below 1e-8
// relative), so the F32 rounding of its steps dominates. Below -87.3 the result is 0.
static inline __m256 exponential(__m256 x) {
  const __m256 is_zero = _mm256_cmp_ps(x, _mm256_set1_ps(-87.3f), _CMP_LT_OQ);
  // This operand order keeps NaN.
  x = _mm256_max_ps(_mm256_set1_ps(-87.3f), _mm256_min_ps(_mm256_set1_ps(88.0f), x));
  const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)),
                                   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
  r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
  __m256 p = _mm256_set1_ps(1.0f / 5040);
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 720));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 120));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 24));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f / 6));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
  const __m256i exponent =
      _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  return _mm256_andnot_ps(is_zero, _mm256_mul_ps(p, _mm256_castsi256_ps(exponent)));
}

// Near 0 the Taylor sum to u^9 (error below 1e-8 relative up to 1/4), further out
// 1 - 2 / (1 + exp(2u)).
static inline __m256 tanh_of(__m256 u) {
  const __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), u);
  const __m256 is_small = _mm256_cmp_ps(size, _mm256_set1_ps(0.25f), _CMP_LT_OQ);
  const __m256 square = _mm256_mul_ps(u, u);
  __m256 p = _mm256_set1_ps(62.0f / 2835);
  p = _mm256_fmadd_ps(p, square, _mm256_set1_ps(-17.0f / 315));
  p = _mm256_fmadd_ps(p, square, _mm256_set1_ps(2.0f / 15));
  p = _mm256_fmadd_ps(p, square, _mm256_set1_ps(-1.0f / 3));
  const __m256 near = _mm256_fmadd_ps(_mm256_mul_ps(p, square), u, u);
  const __m256 one = _mm256_set1_ps(1.0f);
  const __m256 bottom = _mm256_add_ps(one, exponential(_mm256_add_ps(u, u)));
  const __m256 far = _mm256_sub_ps(one, _mm256_div_ps(_mm256_set1_ps(2.0f), bottom));
  return _mm256_blendv_ps(far, near, is_small);
}

}  // namespace plinth::engine::kernels
