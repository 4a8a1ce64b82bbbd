// SPDX-License-Identifier: Apache-2.0
// Panel kernels for AVX-512 with VNNI. A tile is one panel times 8 columns, or a few panels times
// fewer: the codes of a group are unpacked once and multiplied with four activation bytes of each
// column, which the instruction broadcasts from memory. The zero of a format is subtracted up
// front: sums start at -128 times the sum of the activations, so that integers stay exact.
#if defined(__x86_64__)
#include <immintrin.h>

#include "engine/kernels/avx512/half_panels.h"
#include "engine/kernels/panels/panels.h"

namespace plinth::engine::kernels {
namespace {

constexpr int kColumnsMax = 8;
constexpr int kPanelsMax = 4;
constexpr int kGroups = 8;
constexpr int64_t kCachedBytes = 256 << 10;  // of weights, a part of the second-level cache

// Several columns leave the hardware's prefetch too little room to run ahead.
constexpr int64_t kAheadBytes = 2048;

__m512i load(const uint8_t* from) { return _mm512_loadu_si512(from); }
__m512 load_halves(const uint8_t* from) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
__m512 load_bytes(const uint8_t* from) {
  return _mm512_cvtepi32_ps(
      _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
}
__m512 load_signed_bytes(const uint8_t* from) {
  return _mm512_cvtepi32_ps(
      _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
}

// The codes of one block: vector of group g, 0 <= g < 8. Where a format has a zero, codes are
// raised by as many bits as make it 128, and the scales lowered by as many.
template <int kRaised>
struct Codes4 {
  static constexpr int64_t kBytes = 256;
  const uint8_t* from;
  __m512i group(int g) const {
    const __m512i bytes = load(from + g % 4 * 64);
    const int shift = g < 4 ? kRaised : kRaised - 4;  // to the left
    const __m512i moved = shift == 0  ? bytes
                          : shift > 0 ? _mm512_slli_epi16(bytes, static_cast<unsigned>(shift))
                                      : _mm512_srli_epi16(bytes, static_cast<unsigned>(-shift));
    return _mm512_and_si512(moved, _mm512_set1_epi8(static_cast<char>(15 << kRaised)));
  }
};

// Codes that name entries of a table, which are raised already.
template <const uint8_t* kEntries>
struct Codebook {
  static constexpr int64_t kBytes = 256;
  const uint8_t* from;
  __m512i group(int g) const {
    const __m512i entries =
        _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(kEntries)));
    return _mm512_shuffle_epi8(entries, Codes4<0>{from}.group(g));
  }
};

struct Codes2 {
  static constexpr int64_t kBytes = 128;
  const uint8_t* from;
  __m512i group(int g) const {
    const __m512i moved =
        _mm512_srli_epi16(load(from + g % 2 * 64), static_cast<unsigned>(g / 2 * 2));
    return _mm512_and_si512(moved, _mm512_set1_epi8(3));
  }
};

template <int kRaised>
struct Codes5 {
  static constexpr int64_t kBytes = 320;
  const uint8_t* from;
  __m512i group(int g) const {
    constexpr int kBit = 4 + kRaised;
    const __m512i bits = load(from + 256);
    const __m512i moved = g < kBit ? _mm512_slli_epi16(bits, static_cast<unsigned>(kBit - g))
                                   : _mm512_srli_epi16(bits, static_cast<unsigned>(g - kBit));
    // (moved & mask) | low
    return _mm512_ternarylogic_epi32(moved, _mm512_set1_epi8(static_cast<char>(1 << kBit)),
                                     Codes4<kRaised>{from}.group(g), 0xea);
  }
};

template <int kRaised>
struct Codes6 {
  static constexpr int64_t kBytes = 384;
  const uint8_t* from;
  __m512i group(int g) const {
    const __m512i bits = load(from + 256 + g / 4 * 64);
    const int shift = 4 + kRaised - 2 * (g % 4);
    const __m512i moved = shift >= 0 ? _mm512_slli_epi16(bits, static_cast<unsigned>(shift))
                                     : _mm512_srli_epi16(bits, static_cast<unsigned>(-shift));
    return _mm512_ternarylogic_epi32(moved, _mm512_set1_epi8(static_cast<char>(0x30 << kRaised)),
                                     Codes4<kRaised>{from}.group(g), 0xea);
  }
};

struct Codes8 {
  static constexpr int64_t kBytes = 512;
  const uint8_t* from;
  __m512i group(int g) const { return load(from + g * 64); }
};

template <int kRaised>
__m512 lowered(__m512 scale) {
  if constexpr (kRaised == 0) return scale;
  return _mm512_mul_ps(scale, _mm512_set1_ps(1.0f / static_cast<float>(1 << kRaised)));
}

// Scales of one block. kHalves: one scale for each 16 values.
template <int kRaised>
struct HalfScales {
  static constexpr int64_t kHeaderBytes = 0, kBytes = 32;
  static constexpr bool kHasMinimum = false, kHalves = false;
  __m512 scale[1];
  __m512 minimum;
  void load_header(const uint8_t*) {}
  void load_block(const uint8_t* from) { scale[0] = lowered<kRaised>(load_halves(from)); }
};

struct HalfMinimumScales {
  static constexpr int64_t kHeaderBytes = 0, kBytes = 64;
  static constexpr bool kHasMinimum = true, kHalves = false;
  __m512 scale[1];
  __m512 minimum;  // added
  void load_header(const uint8_t*) {}
  void load_block(const uint8_t* from) {
    scale[0] = load_halves(from);
    minimum = load_halves(from + 32);
  }
};

struct ByteMinimumScales {
  static constexpr int64_t kHeaderBytes = 64, kBytes = 32;
  static constexpr bool kHasMinimum = true, kHalves = false;
  __m512 scale[1];
  __m512 minimum;
  __m512 d, dmin;
  void load_header(const uint8_t* from) {
    d = load_halves(from);
    dmin = _mm512_sub_ps(_mm512_setzero_ps(), load_halves(from + 32));
  }
  void load_block(const uint8_t* from) {
    scale[0] = _mm512_mul_ps(d, load_bytes(from));
    minimum = _mm512_mul_ps(dmin, load_bytes(from + 16));
  }
};

template <int kRaised>
struct BytePairScales {
  static constexpr int64_t kHeaderBytes = 32, kBytes = 32;
  static constexpr bool kHasMinimum = false, kHalves = true;
  __m512 scale[2];
  __m512 minimum;
  __m512 d;
  void load_header(const uint8_t* from) { d = lowered<kRaised>(load_halves(from)); }
  void load_block(const uint8_t* from) {
    scale[0] = _mm512_mul_ps(d, load_signed_bytes(from));
    scale[1] = _mm512_mul_ps(d, load_signed_bytes(from + 16));
  }
};

struct NibblePairScales {
  static constexpr int64_t kHeaderBytes = 64, kBytes = 32;
  static constexpr bool kHasMinimum = true, kHalves = true;
  __m512 scale[2];
  __m512 minimum[2];  // over 128: multiplied with -128 times a sum of codes
  __m512 d, dmin;
  void load_header(const uint8_t* from) {
    d = load_halves(from);
    dmin = _mm512_mul_ps(load_halves(from + 32), _mm512_set1_ps(1.0f / 128));
  }
  void load_block(const uint8_t* from) {
    for (int i = 0; i < 2; ++i) {
      const __m512i both =
          _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 16 * i)));
      const __m512i low = _mm512_and_si512(both, _mm512_set1_epi32(15));
      scale[i] = _mm512_mul_ps(d, _mm512_cvtepi32_ps(low));
      minimum[i] = _mm512_mul_ps(dmin, _mm512_cvtepi32_ps(_mm512_srli_epi32(both, 4)));
    }
  }
};

// Exponents of powers of two, for entries that are doubled.
struct ExponentScales {
  static constexpr int64_t kHeaderBytes = 0, kBytes = 16;
  static constexpr bool kHasMinimum = false, kHalves = false;
  __m512 scale[1];
  __m512 minimum;
  void load_header(const uint8_t*) {}
  void load_block(const uint8_t* from) {
    const __m512i exponents =
        _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    const __m512 powers = _mm512_castsi512_ps(_mm512_slli_epi32(exponents, 23));
    scale[0] = _mm512_mul_ps(powers, _mm512_set1_ps(0.5f));
  }
};

__m512i broadcast(const int8_t* from) {
  int32_t four;
  __builtin_memcpy(&four, from, sizeof(four));
  return _mm512_set1_epi32(four);
}

// What sums begin with: less the zero, or nothing.
template <bool kHasZero>
__m512i start(const int32_t* less) {
  return kHasZero ? _mm512_set1_epi32(*less) : _mm512_setzero_si512();
}

void store(const PanelArguments& m, int64_t panel, int64_t column, __m512 value) {
  const int64_t row = panel * kPanelRows;
  float* out = m.out + column * m.out_stride + row;
  if (row + kPanelRows <= m.rows) {
    _mm512_storeu_ps(out, value);
  } else {
    _mm512_mask_storeu_ps(out, static_cast<__mmask16>((1u << (m.rows - row)) - 1u), value);
  }
}

template <typename Codes, typename Scales, bool kHasZero, int kPanels, int kColumns>
void tile(const PanelArguments& m, int64_t panel, int64_t column) {
  const int64_t blocks = m.length / kPanelBlock;
  const QuantizedBlock* x = m.x + column * blocks;
  const uint8_t* from[kPanels];
  Scales step[kPanels];
  __m512 totals[kPanels][kColumns];
  for (int p = 0; p < kPanels; ++p) {
    from[p] = m.panels + (panel + p) * m.panel_bytes;
    for (int c = 0; c < kColumns; ++c) totals[p][c] = _mm512_setzero_ps();
  }
  for (int64_t block = 0; block < blocks; ++block, ++x) {
    for (int p = 0; p < kPanels; ++p) {
      if (Scales::kHeaderBytes > 0 && block % 8 == 0) {
        step[p].load_header(from[p]);
        from[p] += Scales::kHeaderBytes;
      }
      step[p].load_block(from[p]);
      if constexpr (kColumns > 1) {
        for (int64_t line = 0; line < Scales::kBytes + Codes::kBytes; line += 64) {
          _mm_prefetch(from[p] + kAheadBytes + line, _MM_HINT_T0);
        }
      }
      const Codes weights{from[p] + Scales::kBytes};
      from[p] += Scales::kBytes + Codes::kBytes;
      __m512i products[kColumns];
      constexpr int kParts = Scales::kHalves ? 2 : 1;
      for (int part = 0; part < kParts; ++part) {
        for (int c = 0; c < kColumns; ++c) {
          products[c] = start<kHasZero>(&x[c * blocks].less[Scales::kHalves ? part : 2]);
        }
        for (int g = part * kGroups / kParts; g < (part + 1) * kGroups / kParts; ++g) {
          const __m512i weight = weights.group(g);
          for (int c = 0; c < kColumns; ++c) {
            products[c] = _mm512_dpbusd_epi32(products[c], weight,
                                              broadcast(x[c * blocks].codes + g * kPanelGroup));
          }
        }
        for (int c = 0; c < kColumns; ++c) {
          const __m512 scale =
              _mm512_mul_ps(step[p].scale[part], _mm512_set1_ps(x[c * blocks].scale));
          totals[p][c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products[c]), scale, totals[p][c]);
          if constexpr (Scales::kHasMinimum && Scales::kHalves) {
            const __m512 less =
                _mm512_set1_ps(static_cast<float>(x[c * blocks].less[part]) * x[c * blocks].scale);
            totals[p][c] = _mm512_fmadd_ps(step[p].minimum[part], less, totals[p][c]);
          }
        }
      }
      if constexpr (Scales::kHasMinimum && !Scales::kHalves) {
        for (int c = 0; c < kColumns; ++c) {
          const __m512 scaled_sum = _mm512_set1_ps(x[c * blocks].scaled_sum);
          totals[p][c] = _mm512_fmadd_ps(step[p].minimum, scaled_sum, totals[p][c]);
        }
      }
    }
  }
  for (int p = 0; p < kPanels; ++p) {
    for (int c = 0; c < kColumns; ++c) store(m, panel + p, column + c, totals[p][c]);
  }
}

// kPanels at a time, and what is left one by one. Few columns are bound by memory, which is read
// faster as several streams, one from each panel.
template <typename Codes, typename Scales, bool kHasZero, int kPanels, int kColumns>
void tiles(const PanelArguments& m, int64_t begin, int64_t end, int64_t column) {
  int64_t panel = begin;
  for (; panel + kPanels <= end; panel += kPanels) {
    tile<Codes, Scales, kHasZero, kPanels, kColumns>(m, panel, column);
  }
  for (; panel < end; ++panel) tile<Codes, Scales, kHasZero, 1, kColumns>(m, panel, column);
}

template <typename Codes, typename Scales, bool kHasZero>
void multiply_panels(const PanelArguments& m, int64_t begin, int64_t end) {
  int64_t column = 0;
  for (; column + kColumnsMax <= m.columns; column += kColumnsMax) {
    tiles<Codes, Scales, kHasZero, 1, kColumnsMax>(m, begin, end, column);
  }
  for (; column + 4 <= m.columns; column += 4) {
    tiles<Codes, Scales, kHasZero, 2, 4>(m, begin, end, column);
  }
  for (; column + 2 <= m.columns; column += 2) {
    tiles<Codes, Scales, kHasZero, kPanelsMax, 2>(m, begin, end, column);
  }
  for (; column < m.columns; ++column) {
    tiles<Codes, Scales, kHasZero, kPanelsMax, 1>(m, begin, end, column);
  }
}

// A few panels that stay in the second-level cache pass by the columns, of which a tile stays in
// the first-level one.
template <typename Codes, typename Scales, bool kHasZero>
void matmul(const PanelArguments& m) {
  const bool is_one_tile = m.columns <= kColumnsMax && (m.columns & (m.columns - 1)) == 0;
  const int64_t fitting =
      m.panel_bytes < kCachedBytes / kPanelsMax ? kCachedBytes / m.panel_bytes : kPanelsMax;
  const int64_t together = is_one_tile ? m.panel_end - m.panel_begin : fitting;
  for (int64_t panel = m.panel_begin; panel < m.panel_end; panel += together) {
    const int64_t end = panel + together < m.panel_end ? panel + together : m.panel_end;
    multiply_panels<Codes, Scales, kHasZero>(m, panel, end);
  }
}

PanelMatmul find_matmul(const PanelFormat& format) {
  switch (format.id) {
    case FormatId::q4_0:
      return matmul<Codes4<4>, HalfScales<4>, true>;
    case FormatId::q4_1:
      return matmul<Codes4<0>, HalfMinimumScales, false>;
    case FormatId::q5_0:
      return matmul<Codes5<3>, HalfScales<3>, true>;
    case FormatId::q5_1:
      return matmul<Codes5<0>, HalfMinimumScales, false>;
    case FormatId::q8_0:
      return matmul<Codes8, HalfScales<0>, true>;
    case FormatId::q2_k:
      return matmul<Codes2, NibblePairScales, false>;
    case FormatId::q3_k:
      return matmul<Codes4<5>, BytePairScales<5>, true>;
    case FormatId::q4_k:
      return matmul<Codes4<0>, ByteMinimumScales, false>;
    case FormatId::q5_k:
      return matmul<Codes5<0>, ByteMinimumScales, false>;
    case FormatId::q6_k:
      return matmul<Codes6<2>, BytePairScales<2>, true>;
    case FormatId::iq4_nl:
      return matmul<Codebook<kIq4PanelEntries>, HalfScales<0>, true>;
    case FormatId::mxfp4:
      return matmul<Codebook<kMxfp4PanelEntries>, ExponentScales, true>;
    default:
      return avx512_half_panels(format);
  }
}

void quantize(const float* values, int64_t blocks, QuantizedBlock* out) {
  const __m512i no_sign = _mm512_set1_epi32(0x7fffffff);
  for (int64_t block = 0; block < blocks; ++block) {
    const float* from = values + block * kPanelBlock;
    QuantizedBlock& to = out[block];
    const __m512 half[2] = {_mm512_loadu_ps(from), _mm512_loadu_ps(from + 16)};
    const __m512 largest =
        _mm512_max_ps(_mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(half[0]), no_sign)),
                      _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(half[1]), no_sign)));
    const float most = _mm512_reduce_max_ps(largest);
    const __m512 inverse = _mm512_set1_ps(most > 0 ? 127.0f / most : 0.0f);
    int32_t sums[2];
    for (int i = 0; i < 2; ++i) {
      const __m512i codes = _mm512_cvtps_epi32(_mm512_mul_ps(half[i], inverse));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to.codes + 16 * i), _mm512_cvtsepi32_epi8(codes));
      sums[i] = _mm512_reduce_add_epi32(codes);
    }
    to.scale = most / 127.0f;
    to.scaled_sum = to.scale * static_cast<float>(sums[0] + sums[1]);
    to.less[0] = -128 * sums[0];
    to.less[1] = -128 * sums[1];
    to.less[2] = -128 * (sums[0] + sums[1]);
  }
}

}  // namespace

const PanelKernels kAvx512Panels = {quantize, find_matmul};

}  // namespace plinth::engine::kernels
#endif
