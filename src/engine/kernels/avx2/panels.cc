// SPDX-License-Identifier: Apache-2.0
// Panel kernels for AVX2. A tile is half a panel, 8 rows, times 4 columns, or eight halves times
// one. Products of unsigned codes and signed activations are added in pairs to 16 bits; as many
// groups are added there as cannot overflow, then widened. Codes of 8 bits take their signed
// value's size, and the activations its sign.
#if defined(__x86_64__)
#include <immintrin.h>

#include "engine/kernels/avx2/half_panels.h"
#include "engine/kernels/panels/panels.h"

namespace plinth::engine::kernels {
namespace {

constexpr int kColumnsMax = 4;
constexpr int kPanelsMax = 4;
constexpr int kGroups = 8;
constexpr int64_t kHalfRows = 8;
constexpr int64_t kCachedBytes = 256 << 10;  // of weights, a part of the second-level cache

constexpr int64_t kAheadBytes = 2048;  // as in avx512/panels.cc

__m256i load(const uint8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}
__m256 load_halves(const uint8_t* from) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
__m256 load_bytes(const uint8_t* from) {
  return _mm256_cvtepi32_ps(
      _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
}
__m256 load_signed_bytes(const uint8_t* from) {
  return _mm256_cvtepi32_ps(
      _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
}

// The codes of half a block; `from` points at the half's bytes of the first vector. kTogether
// groups fit into 16 bits: kTogether * 2 * 127 * largest code < 32768.
struct Codes4 {
  static constexpr int64_t kBytes = 256;
  static constexpr int kTogether = 8;
  static constexpr bool kIsSigned = false;
  const uint8_t* from;
  __m256i group(int g) const {
    const __m256i bytes = load(from + g % 4 * 64);
    return _mm256_and_si256(g < 4 ? bytes : _mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(15));
  }
};

// Codes that name entries of a table; kFits groups fit into 16 bits.
template <const uint8_t* kEntries, int kFits>
struct Codebook {
  static constexpr int64_t kBytes = 256;
  static constexpr int kTogether = kFits;
  static constexpr bool kIsSigned = true;  // the zero is taken off here
  const uint8_t* from;
  __m256i group(int g) const {
    const __m256i entries = _mm256_xor_si256(
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(kEntries))),
        _mm256_set1_epi8(static_cast<char>(0x80)));
    return _mm256_shuffle_epi8(entries, Codes4{from}.group(g));
  }
};

struct Codes2 {
  static constexpr int64_t kBytes = 128;
  static constexpr int kTogether = 8;
  static constexpr bool kIsSigned = false;
  const uint8_t* from;
  __m256i group(int g) const {
    const __m256i moved = _mm256_srli_epi16(load(from + g % 2 * 64), g / 2 * 2);
    return _mm256_and_si256(moved, _mm256_set1_epi8(3));
  }
};

struct Codes5 {
  static constexpr int64_t kBytes = 320;
  static constexpr int kTogether = 4;
  static constexpr bool kIsSigned = false;
  const uint8_t* from;
  __m256i group(int g) const {
    const __m256i bits = load(from + 256);
    const __m256i moved = g < 4 ? _mm256_slli_epi16(bits, 4 - g) : _mm256_srli_epi16(bits, g - 4);
    return _mm256_or_si256(_mm256_and_si256(moved, _mm256_set1_epi8(16)), Codes4{from}.group(g));
  }
};

struct Codes6 {
  static constexpr int64_t kBytes = 384;
  static constexpr int kTogether = 2;
  static constexpr bool kIsSigned = false;
  const uint8_t* from;
  __m256i group(int g) const {
    const __m256i bits = load(from + 256 + g / 4 * 64);
    const int shift = 4 - 2 * (g % 4);
    const __m256i moved =
        shift >= 0 ? _mm256_slli_epi16(bits, shift) : _mm256_srli_epi16(bits, -shift);
    return _mm256_or_si256(_mm256_and_si256(moved, _mm256_set1_epi8(0x30)), Codes4{from}.group(g));
  }
};

struct Codes8 {
  static constexpr int64_t kBytes = 512;
  static constexpr int kTogether = 1;
  static constexpr bool kIsSigned = true;  // the zero is taken off here
  const uint8_t* from;
  __m256i group(int g) const {
    return _mm256_xor_si256(load(from + g * 64), _mm256_set1_epi8(static_cast<char>(0x80)));
  }
};

// Scales of half a block, as in avx512/panels.cc; `half` is 0 or 1.
struct HalfScales {
  static constexpr int64_t kHeaderBytes = 0, kBytes = 32;
  static constexpr bool kHasMinimum = false, kHalves = false;
  __m256 scale[1];
  __m256 minimum;
  void load_header(const uint8_t*, int64_t) {}
  void load_block(const uint8_t* from, int64_t half) { scale[0] = load_halves(from + 16 * half); }
};

struct HalfMinimumScales {
  static constexpr int64_t kHeaderBytes = 0, kBytes = 64;
  static constexpr bool kHasMinimum = true, kHalves = false;
  __m256 scale[1];
  __m256 minimum;
  void load_header(const uint8_t*, int64_t) {}
  void load_block(const uint8_t* from, int64_t half) {
    scale[0] = load_halves(from + 16 * half);
    minimum = load_halves(from + 32 + 16 * half);
  }
};

struct ByteMinimumScales {
  static constexpr int64_t kHeaderBytes = 64, kBytes = 32;
  static constexpr bool kHasMinimum = true, kHalves = false;
  __m256 scale[1];
  __m256 minimum;
  __m256 d, dmin;
  void load_header(const uint8_t* from, int64_t half) {
    d = load_halves(from + 16 * half);
    dmin = _mm256_sub_ps(_mm256_setzero_ps(), load_halves(from + 32 + 16 * half));
  }
  void load_block(const uint8_t* from, int64_t half) {
    scale[0] = _mm256_mul_ps(d, load_bytes(from + 8 * half));
    minimum = _mm256_mul_ps(dmin, load_bytes(from + 16 + 8 * half));
  }
};

struct BytePairScales {
  static constexpr int64_t kHeaderBytes = 32, kBytes = 32;
  static constexpr bool kHasMinimum = false, kHalves = true;
  __m256 scale[2];
  __m256 minimum;
  __m256 d;
  void load_header(const uint8_t* from, int64_t half) { d = load_halves(from + 16 * half); }
  void load_block(const uint8_t* from, int64_t half) {
    scale[0] = _mm256_mul_ps(d, load_signed_bytes(from + 8 * half));
    scale[1] = _mm256_mul_ps(d, load_signed_bytes(from + 16 + 8 * half));
  }
};

struct NibblePairScales {
  static constexpr int64_t kHeaderBytes = 64, kBytes = 32;
  static constexpr bool kHasMinimum = true, kHalves = true;
  __m256 scale[2];
  __m256 minimum[2];
  __m256 d, dmin;
  void load_header(const uint8_t* from, int64_t half) {
    d = load_halves(from + 16 * half);
    dmin = _mm256_mul_ps(load_halves(from + 32 + 16 * half), _mm256_set1_ps(1.0f / 128));
  }
  void load_block(const uint8_t* from, int64_t half) {
    for (int i = 0; i < 2; ++i) {
      const __m256i both = _mm256_cvtepu8_epi32(
          _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + 16 * i + 8 * half)));
      const __m256i low = _mm256_and_si256(both, _mm256_set1_epi32(15));
      scale[i] = _mm256_mul_ps(d, _mm256_cvtepi32_ps(low));
      minimum[i] = _mm256_mul_ps(dmin, _mm256_cvtepi32_ps(_mm256_srli_epi32(both, 4)));
    }
  }
};

// Exponents of powers of two, for entries that are doubled.
struct ExponentScales {
  static constexpr int64_t kHeaderBytes = 0, kBytes = 16;
  static constexpr bool kHasMinimum = false, kHalves = false;
  __m256 scale[1];
  __m256 minimum;
  void load_header(const uint8_t*, int64_t) {}
  void load_block(const uint8_t* from, int64_t half) {
    const __m256i exponents =
        _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + 8 * half)));
    const __m256 powers = _mm256_castsi256_ps(_mm256_slli_epi32(exponents, 23));
    scale[0] = _mm256_mul_ps(powers, _mm256_set1_ps(0.5f));
  }
};

__m256i broadcast(const int8_t* from) {
  int32_t four;
  __builtin_memcpy(&four, from, sizeof(four));
  return _mm256_set1_epi32(four);
}

template <typename Codes>
__m256i multiply_group(__m256i weight, __m256i x) {
  if constexpr (Codes::kIsSigned) {
    return _mm256_maddubs_epi16(_mm256_abs_epi8(weight), _mm256_sign_epi8(x, weight));
  } else {
    return _mm256_maddubs_epi16(weight, x);
  }
}

// products[s][c] += kCount groups of the strips' blocks from `begin` on, as 32-bit sums. Four
// activations are loaded once for all strips. Inlined and unrolled, so that sums stay in registers:
// left to itself g++ calls this once a block.
template <typename Codes, int kStrips, int kColumns, int kCount>
[[gnu::always_inline]] inline void multiply_groups(const Codes* weights, const QuantizedBlock* x,
                                                   int64_t blocks, int begin,
                                                   __m256i (*products)[kColumns]) {
  constexpr int kTogether = Codes::kTogether < kCount ? Codes::kTogether : kCount;
  const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 8
  for (int first = 0; first < kCount; first += kTogether) {
    __m256i pairs[kStrips][kColumns];
#pragma GCC unroll 8
    for (int i = 0; i < kTogether; ++i) {
      const int g = begin + first + i;
      __m256i four[kColumns];
#pragma GCC unroll 8
      for (int c = 0; c < kColumns; ++c) {
        four[c] = broadcast(x[c * blocks].codes + g * kPanelGroup);
      }
#pragma GCC unroll 8
      for (int s = 0; s < kStrips; ++s) {
        const __m256i weight = weights[s].group(g);
#pragma GCC unroll 8
        for (int c = 0; c < kColumns; ++c) {
          const __m256i product = multiply_group<Codes>(weight, four[c]);
          pairs[s][c] = i == 0 ? product : _mm256_add_epi16(pairs[s][c], product);
        }
      }
    }
#pragma GCC unroll 8
    for (int s = 0; s < kStrips; ++s) {
#pragma GCC unroll 8
      for (int c = 0; c < kColumns; ++c) {
        products[s][c] = _mm256_add_epi32(products[s][c], _mm256_madd_epi16(pairs[s][c], ones));
      }
    }
  }
}

// -kZero times a sum of activations, of which `less` is -128 times.
template <int kZero>
__m256i without_zero(int32_t less) {
  if constexpr (kZero == 0) {
    return _mm256_setzero_si256();
  } else {
    constexpr int kShift = 7 - __builtin_ctz(kZero);
    return _mm256_srai_epi32(_mm256_set1_epi32(less), kShift);
  }
}

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

// Strips are halves of panels, numbered from the first panel's on.
template <typename Codes, typename Scales, int kZero, int kStrips, int kColumns>
void tile(const PanelArguments& m, int64_t strip, int64_t column) {
  const int64_t blocks = m.length / kPanelBlock;
  const QuantizedBlock* x = m.x + column * blocks;
  constexpr int kParts = Scales::kHalves ? 2 : 1;
  const uint8_t* from[kStrips];
  Scales step[kStrips];
  __m256 totals[kStrips][kColumns];
  for (int s = 0; s < kStrips; ++s) {
    from[s] = m.panels + (strip + s) / 2 * m.panel_bytes;
    for (int c = 0; c < kColumns; ++c) totals[s][c] = _mm256_setzero_ps();
  }
  for (int64_t block = 0; block < blocks; ++block, ++x) {
    Codes weights[kStrips];
    for (int s = 0; s < kStrips; ++s) {
      const int64_t half = (strip + s) % 2;
      if (Scales::kHeaderBytes > 0 && block % 8 == 0) {
        step[s].load_header(from[s], half);
        from[s] += Scales::kHeaderBytes;
      }
      step[s].load_block(from[s], half);
      if constexpr (kColumns > 1) {
        for (int64_t line = 0; line < Scales::kBytes + Codes::kBytes; line += 64) {
          _mm_prefetch(from[s] + kAheadBytes + line, _MM_HINT_T0);
        }
      }
      weights[s] = {from[s] + Scales::kBytes + 32 * half};
      from[s] += Scales::kBytes + Codes::kBytes;
    }
#pragma GCC unroll 2
    for (int part = 0; part < kParts; ++part) {
      __m256i products[kStrips][kColumns];
      for (int s = 0; s < kStrips; ++s) {
        for (int c = 0; c < kColumns; ++c) {
          products[s][c] = without_zero<kZero>(x[c * blocks].less[Scales::kHalves ? part : 2]);
        }
      }
      constexpr int kCount = kGroups / kParts;
      multiply_groups<Codes, kStrips, kColumns, kCount>(weights, x, blocks, part * kCount,
                                                        products);
      for (int s = 0; s < kStrips; ++s) {
        for (int c = 0; c < kColumns; ++c) {
          const __m256 scale =
              _mm256_mul_ps(step[s].scale[part], _mm256_set1_ps(x[c * blocks].scale));
          totals[s][c] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(products[s][c]), scale, totals[s][c]);
          if constexpr (Scales::kHasMinimum && Scales::kHalves) {
            const __m256 less =
                _mm256_set1_ps(static_cast<float>(x[c * blocks].less[part]) * x[c * blocks].scale);
            totals[s][c] = _mm256_fmadd_ps(step[s].minimum[part], less, totals[s][c]);
          }
        }
      }
    }
    if constexpr (Scales::kHasMinimum && !Scales::kHalves) {
      for (int s = 0; s < kStrips; ++s) {
        for (int c = 0; c < kColumns; ++c) {
          const __m256 scaled_sum = _mm256_set1_ps(x[c * blocks].scaled_sum);
          totals[s][c] = _mm256_fmadd_ps(step[s].minimum, scaled_sum, totals[s][c]);
        }
      }
    }
  }
  for (int s = 0; s < kStrips; ++s) {
    for (int c = 0; c < kColumns; ++c) {
      store(m, (strip + s) * kHalfRows, column + c, totals[s][c]);
    }
  }
}

// As in avx512/panels.cc, several streams of memory for few columns.
template <typename Codes, typename Scales, int kZero, int kStrips, int kColumns>
void multiply_columns(const PanelArguments& m, int64_t begin, int64_t end, int64_t column) {
  const int64_t rows = end * kPanelRows < m.rows ? end * kPanelRows : m.rows;
  const int64_t strips = (rows + kHalfRows - 1) / kHalfRows;
  int64_t strip = 2 * begin;
  for (; strip + kStrips <= strips; strip += kStrips) {
    tile<Codes, Scales, kZero, kStrips, kColumns>(m, strip, column);
  }
  for (; strip < strips; ++strip) tile<Codes, Scales, kZero, 1, kColumns>(m, strip, column);
}

// As in avx512/panels.cc: a few cached panels pass by the columns.
template <typename Codes, typename Scales, int kZero>
void matmul(const PanelArguments& m) {
  const bool is_one_tile = m.columns == 1 || m.columns == kColumnsMax;
  const int64_t fitting =
      m.panel_bytes < kCachedBytes / kPanelsMax ? kCachedBytes / m.panel_bytes : kPanelsMax;
  const int64_t together = is_one_tile ? m.panel_end - m.panel_begin : fitting;
  for (int64_t panel = m.panel_begin; panel < m.panel_end; panel += together) {
    const int64_t end = panel + together < m.panel_end ? panel + together : m.panel_end;
    int64_t column = 0;
    for (; column + kColumnsMax <= m.columns; column += kColumnsMax) {
      multiply_columns<Codes, Scales, kZero, 1, kColumnsMax>(m, panel, end, column);
    }
    for (; column < m.columns; ++column) {
      multiply_columns<Codes, Scales, kZero, 2 * kPanelsMax, 1>(m, panel, end, column);
    }
  }
}

PanelMatmul find_matmul(const PanelFormat& format) {
  switch (format.id) {
    case FormatId::q4_0:
      return matmul<Codes4, HalfScales, 8>;
    case FormatId::q4_1:
      return matmul<Codes4, HalfMinimumScales, 0>;
    case FormatId::q5_0:
      return matmul<Codes5, HalfScales, 16>;
    case FormatId::q5_1:
      return matmul<Codes5, HalfMinimumScales, 0>;
    case FormatId::q8_0:
      return matmul<Codes8, HalfScales, 0>;
    case FormatId::q4_k:
      return matmul<Codes4, ByteMinimumScales, 0>;
    case FormatId::q5_k:
      return matmul<Codes5, ByteMinimumScales, 0>;
    case FormatId::q6_k:
      return matmul<Codes6, BytePairScales, 32>;
    case FormatId::q2_k:
      return matmul<Codes2, NibblePairScales, 0>;
    case FormatId::q3_k:
      return matmul<Codes4, BytePairScales, 4>;
    case FormatId::iq4_nl:
      return matmul<Codebook<kIq4PanelEntries, 1>, HalfScales, 0>;
    case FormatId::mxfp4:
      return matmul<Codebook<kMxfp4PanelEntries, 8>, ExponentScales, 0>;
    default:
      return avx2_half_panels(format);
  }
}

void quantize(const float* values, int64_t blocks, QuantizedBlock* out) {
  for (int64_t block = 0; block < blocks; ++block) {
    const float* from = values + block * kPanelBlock;
    QuantizedBlock& to = out[block];
    const __m256 no_sign = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
    __m256 largest = _mm256_setzero_ps();
    for (int i = 0; i < 4; ++i) {
      largest = _mm256_max_ps(largest, _mm256_and_ps(_mm256_loadu_ps(from + 8 * i), no_sign));
    }
    float parts[8];
    _mm256_storeu_ps(parts, largest);
    float most = 0;
    for (const float part : parts) most = part > most ? part : most;
    const __m256 inverse = _mm256_set1_ps(most > 0 ? 127.0f / most : 0.0f);
    int32_t codes[kPanelBlock];
    for (int i = 0; i < 4; ++i) {
      _mm256_storeu_si256(
          reinterpret_cast<__m256i*>(codes + 8 * i),
          _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(from + 8 * i), inverse)));
    }
    int32_t sums[2] = {0, 0};
    for (int64_t i = 0; i < kPanelBlock; ++i) {
      to.codes[i] = static_cast<int8_t>(codes[i]);
      sums[i / 16] += codes[i];
    }
    to.less[0] = -128 * sums[0];
    to.less[1] = -128 * sums[1];
    to.less[2] = -128 * (sums[0] + sums[1]);
    to.scale = most / 127.0f;
    to.scaled_sum = to.scale * static_cast<float>(sums[0] + sums[1]);
  }
}

}  // namespace

const PanelKernels kAvx2Panels = {quantize, find_matmul};

}  // namespace plinth::engine::kernels
#endif
