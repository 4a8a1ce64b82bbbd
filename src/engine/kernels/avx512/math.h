// SPDX-License-Identifier: Apache-2.0
// Functions of vectors that several AVX-512 files use. Only they include this: its functions are
// local to each, so that no copy of them reaches code for other CPUs.
#pragma once

#include <immintrin.h>

namespace plinth::engine::kernels {

// exp by 2^n * p(r), x = n ln 2 + r, |r| <= ln 2 / 2; p is the Taylor sum to r^7 (error below 1e-8
// relative), so the F32 rounding of its steps dominates. Below -87.3 the result is 0.
static inline __m512 exponential(__m512 x) {
  const __m512 lowest = _mm512_set1_ps(-87.3f);
  const __mmask16 is_zero = _mm512_cmp_ps_mask(x, lowest, _CMP_LT_OQ);
  x = _mm512_min_ps(_mm512_set1_ps(88.0f), x);  // this operand order keeps NaN
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)),
                                        _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
  __m512 p = _mm512_set1_ps(1.0f / 5040);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 720));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  return _mm512_mask_mov_ps(_mm512_scalef_ps(p, n), is_zero, _mm512_setzero_ps());
}

// Near 0 the Taylor sum to u^9 (error below 1e-8 relative up to 1/4), further out
// 1 - 2 / (1 + exp(2u)).
static inline __m512 tanh_of(__m512 u) {
  const __mmask16 is_small =
      _mm512_cmp_ps_mask(_mm512_abs_ps(u), _mm512_set1_ps(0.25f), _CMP_LT_OQ);
  const __m512 square = _mm512_mul_ps(u, u);
  __m512 p = _mm512_set1_ps(62.0f / 2835);
  p = _mm512_fmadd_ps(p, square, _mm512_set1_ps(-17.0f / 315));
  p = _mm512_fmadd_ps(p, square, _mm512_set1_ps(2.0f / 15));
  p = _mm512_fmadd_ps(p, square, _mm512_set1_ps(-1.0f / 3));
  const __m512 near = _mm512_fmadd_ps(_mm512_mul_ps(p, square), u, u);
  const __m512 one = _mm512_set1_ps(1.0f);
  const __m512 bottom = _mm512_add_ps(one, exponential(_mm512_add_ps(u, u)));
  const __m512 far = _mm512_sub_ps(one, _mm512_div_ps(_mm512_set1_ps(2.0f), bottom));
  return _mm512_mask_mov_ps(far, is_small, near);
}

}  // namespace plinth::engine::kernels
