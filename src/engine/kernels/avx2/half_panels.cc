// SPDX-License-Identifier: Apache-2.0
// As in avx512/half_panels.cc, with a panel as two vectors of 8 rows.
#if defined(__x86_64__)
#include "engine/kernels/avx2/half_panels.h"

#include <immintrin.h>

namespace plinth::engine::kernels {
namespace {

constexpr int64_t kHalfRows = 8;

struct F16 {
  static __m256 widen(__m128i halves) { return _mm256_cvtph_ps(halves); }
};

struct Bf16 {
  static __m256 widen(__m128i halves) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  }
};

void store(const PanelArguments& m, int64_t row, int64_t column, __m256 value) {
  float* out = m.out + column * m.out_stride + row;
  if (row + kHalfRows <= m.rows) {
    _mm256_storeu_ps(out, value);
    return;
  }
  float values[kHalfRows];
  _mm256_storeu_ps(values, value);
  for (int64_t i = 0; row + i < m.rows; ++i) out[i] = values[i];
}

template <typename Format, int kPanels, int kColumns>
void tile(const PanelArguments& m, int64_t panel, int64_t column) {
  const uint8_t* weights = m.panels + panel * m.panel_bytes;
  const float* x = m.values + column * m.length;
  __m256 sums[kPanels * 2][kColumns];
  for (int h = 0; h < kPanels * 2; ++h) {
    for (int c = 0; c < kColumns; ++c) sums[h][c] = _mm256_setzero_ps();
  }
  for (int64_t k = 0; k < m.length; ++k) {
    for (int h = 0; h < kPanels * 2; ++h) {
      const uint8_t* from = weights + h / 2 * m.panel_bytes + (k * 2 + h % 2) * 2 * kHalfRows;
      const __m256 weight = Format::widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
      for (int c = 0; c < kColumns; ++c) {
        sums[h][c] = _mm256_fmadd_ps(weight, _mm256_set1_ps(x[c * m.length + k]), sums[h][c]);
      }
    }
  }
  for (int h = 0; h < kPanels * 2; ++h) {
    for (int c = 0; c < kColumns; ++c) {
      store(m, panel * kPanelRows + h * kHalfRows, column + c, sums[h][c]);
    }
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

template <typename Format>
void matmul(const PanelArguments& m) {
  constexpr int64_t kCachedBytes = 256 << 10;
  const int64_t together = m.panel_bytes < kCachedBytes / 2 ? kCachedBytes / m.panel_bytes : 2;
  for (int64_t begin = m.panel_begin; begin < m.panel_end; begin += together) {
    const int64_t end = begin + together < m.panel_end ? begin + together : m.panel_end;
    int64_t column = 0;
    for (; column + 4 <= m.columns; column += 4) columns<Format, 1, 4>(m, begin, end, column);
    for (; column + 2 <= m.columns; column += 2) columns<Format, 2, 2>(m, begin, end, column);
    for (; column < m.columns; ++column) columns<Format, 2, 1>(m, begin, end, column);
  }
}

}  // namespace

PanelMatmul avx2_half_panels(const PanelFormat& format) {
  if (format.id == FormatId::f16) return matmul<F16>;
  if (format.id == FormatId::bf16) return matmul<Bf16>;
  return nullptr;
}

}  // namespace plinth::engine::kernels
#endif
