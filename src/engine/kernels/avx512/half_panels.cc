// SPDX-License-Identifier: Apache-2.0
// A vector holds one weight of each of 16 rows; each column's activation is broadcast to it. Sums
// run over the length in order, so a value is the same in every tile. Tiles are as many panels
// times columns as hide the latency of a sum.
#if defined(__x86_64__)
#include "engine/kernels/avx512/half_panels.h"

#include <immintrin.h>

namespace plinth::engine::kernels {
namespace {

struct F16 {
  static __m512 widen(__m256i halves) { return _mm512_cvtph_ps(halves); }
};

struct Bf16 {
  static __m512 widen(__m256i halves) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
};

void store(const PanelArguments& m, int64_t panel, int64_t column, __m512 value) {
  const int64_t left = m.rows - panel * kPanelRows;
  const auto mask = static_cast<__mmask16>(left >= kPanelRows ? 0xffff : (1u << left) - 1u);
  _mm512_mask_storeu_ps(m.out + column * m.out_stride + panel * kPanelRows, mask, value);
}

template <typename Format, int kPanels, int kColumns>
void tile(const PanelArguments& m, int64_t panel, int64_t column) {
  const uint8_t* weights = m.panels + panel * m.panel_bytes;
  const float* x = m.values + column * m.length;
  __m512 sums[kPanels][kColumns];
  for (int p = 0; p < kPanels; ++p) {
    for (int c = 0; c < kColumns; ++c) sums[p][c] = _mm512_setzero_ps();
  }
  for (int64_t k = 0; k < m.length; ++k) {
    for (int p = 0; p < kPanels; ++p) {
      const __m512 weight = Format::widen(_mm256_loadu_si256(
          reinterpret_cast<const __m256i*>(weights + p * m.panel_bytes + k * 2 * kPanelRows)));
      for (int c = 0; c < kColumns; ++c) {
        sums[p][c] = _mm512_fmadd_ps(weight, _mm512_set1_ps(x[c * m.length + k]), sums[p][c]);
      }
    }
  }
  for (int p = 0; p < kPanels; ++p) {
    for (int c = 0; c < kColumns; ++c) store(m, panel + p, column + c, sums[p][c]);
  }
}

template <typename Format, int kPanels, int kColumns>
void columns(const PanelArguments& m, int64_t begin, int64_t end, int64_t column) {
  int64_t panel = begin;
  for (; panel + kPanels <= end; panel += kPanels) {
    tile<Format, kPanels, kColumns>(m, panel, column);
  }
  for (; panel < end; ++panel) tile<Format, 1, kColumns>(m, panel, column);
}

// A few panels that stay in the second-level cache pass by the columns.
template <typename Format>
void matmul(const PanelArguments& m) {
  constexpr int64_t kCachedBytes = 256 << 10;
  const int64_t together = m.panel_bytes < kCachedBytes / 4 ? kCachedBytes / m.panel_bytes : 4;
  for (int64_t begin = m.panel_begin; begin < m.panel_end; begin += together) {
    const int64_t end = begin + together < m.panel_end ? begin + together : m.panel_end;
    int64_t column = 0;
    for (; column + 8 <= m.columns; column += 8) columns<Format, 2, 8>(m, begin, end, column);
    for (; column + 4 <= m.columns; column += 4) columns<Format, 2, 4>(m, begin, end, column);
    for (; column + 2 <= m.columns; column += 2) columns<Format, 4, 2>(m, begin, end, column);
    for (; column < m.columns; ++column) columns<Format, 4, 1>(m, begin, end, column);
  }
}

}  // namespace

PanelMatmul avx512_half_panels(const PanelFormat& format) {
  if (format.id == FormatId::f16) return matmul<F16>;
  if (format.id == FormatId::bf16) return matmul<Bf16>;
  return nullptr;
}

}  // namespace plinth::engine::kernels
#endif
