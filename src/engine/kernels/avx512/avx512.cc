// SPDX-License-Identifier: Apache-2.0
// Kernels for AVX-512 F, BW, VL and DQ: one 16-lane accumulator per product, summed over the length
// in order and folded in one fixed way, whatever the tile around it.
#if defined(__x86_64__)
#include <immintrin.h>

#include "engine/kernels/avx512/math.h"
#include "engine/kernels/kernels.h"

namespace plinth::engine::kernels {
namespace {

constexpr int64_t kLanes = 16;

__mmask16 first_lanes(int64_t count) {
  return count >= kLanes ? static_cast<__mmask16>(0xffff)
                         : static_cast<__mmask16>((1u << count) - 1u);
}

// Widened weights k .. k+15 of one row; lanes past the row's length are 0.
struct F32Row {
  const float* row;
  explicit F32Row(const void* bytes) : row(static_cast<const float*>(bytes)) {}
  __m512 load(int64_t k) const { return _mm512_loadu_ps(row + k); }
  __m512 load_tail(int64_t k, __mmask16 mask) const { return _mm512_maskz_loadu_ps(mask, row + k); }
};

struct F16Row {
  const uint16_t* row;
  explicit F16Row(const void* bytes) : row(static_cast<const uint16_t*>(bytes)) {}
  __m512 load(int64_t k) const {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + k)));
  }
  __m512 load_tail(int64_t k, __mmask16 mask) const {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, row + k));
  }
};

// A scale of 11 significant bits times a byte is exact in F32, so widening loses nothing.
struct Q8Row {
  const uint8_t* row;
  explicit Q8Row(const void* bytes) : row(static_cast<const uint8_t*>(bytes)) {}
  __m512 load(int64_t k) const {
    const uint8_t* block = row + k / 32 * 34;
    uint16_t half;
    __builtin_memcpy(&half, block, sizeof(half));
    const __m512 scale = _mm512_set1_ps(_cvtsh_ss(half));
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + 2 + k % 32));
    return _mm512_mul_ps(scale, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)));
  }
  // Rows are whole blocks of 32, so there is never a tail.
  __m512 load_tail(int64_t, __mmask16) const { return _mm512_setzero_ps(); }
};

template <typename Row, int kRows, int kColumns>
void tile(const MatmulArguments& m, int64_t row, int64_t column) {
  const auto* weights = static_cast<const uint8_t*>(m.weights) + row * m.row_bytes;
  __m512 sums[kRows][kColumns];
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kColumns; ++c) sums[r][c] = _mm512_setzero_ps();
  }
  const float* x = m.x + column * m.x_stride;
  int64_t k = 0;
  for (; k + kLanes <= m.length; k += kLanes) {
    __m512 inputs[kColumns];
    for (int c = 0; c < kColumns; ++c) inputs[c] = _mm512_loadu_ps(x + c * m.x_stride + k);
    for (int r = 0; r < kRows; ++r) {
      const __m512 weight = Row(weights + r * m.row_bytes).load(k);
      for (int c = 0; c < kColumns; ++c) {
        sums[r][c] = _mm512_fmadd_ps(weight, inputs[c], sums[r][c]);
      }
    }
  }
  if (k < m.length) {
    const __mmask16 mask = first_lanes(m.length - k);
    for (int r = 0; r < kRows; ++r) {
      const __m512 weight = Row(weights + r * m.row_bytes).load_tail(k, mask);
      for (int c = 0; c < kColumns; ++c) {
        const __m512 input = _mm512_maskz_loadu_ps(mask, x + c * m.x_stride + k);
        sums[r][c] = _mm512_fmadd_ps(weight, input, sums[r][c]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kColumns; ++c) {
      m.out[(column + c) * m.out_stride + row + r] = _mm512_reduce_add_ps(sums[r][c]);
    }
  }
}

template <typename Row, int kRows>
void rows_by_columns(const MatmulArguments& m, int64_t row) {
  int64_t column = 0;
  for (; column + 4 <= m.columns; column += 4) tile<Row, kRows, 4>(m, row, column);
  for (; column + 2 <= m.columns; column += 2) tile<Row, kRows, 2>(m, row, column);
  for (; column < m.columns; ++column) tile<Row, kRows, 1>(m, row, column);
}

template <typename Row>
void matmul(const MatmulArguments& m) {
  int64_t row = m.row_begin;
  for (; row + 4 <= m.row_end; row += 4) rows_by_columns<Row, 4>(m, row);
  for (; row < m.row_end; ++row) rows_by_columns<Row, 1>(m, row);
}

__m512 load(const float* x, int64_t left) { return _mm512_maskz_loadu_ps(first_lanes(left), x); }
void store(float* x, int64_t left, __m512 value) {
  _mm512_mask_storeu_ps(x, first_lanes(left), value);
}

void rms_norm(const float* x, const float* weight, float epsilon, int64_t length, float* out) {
  __m512 squares = _mm512_setzero_ps();
  for (int64_t i = 0; i < length; i += kLanes) {
    const __m512 value = load(x + i, length - i);
    squares = _mm512_fmadd_ps(value, value, squares);
  }
  const float mean = _mm512_reduce_add_ps(squares) / static_cast<float>(length);
  const __m512 scale = _mm512_set1_ps(1.0f / __builtin_sqrtf(mean + epsilon));
  for (int64_t i = 0; i < length; i += kLanes) {
    const __m512 value = _mm512_mul_ps(load(x + i, length - i), scale);
    store(out + i, length - i, _mm512_mul_ps(value, load(weight + i, length - i)));
  }
}

void softmax(float* x, int64_t length) {
  __m512 largest = _mm512_set1_ps(x[0]);
  for (int64_t i = 0; i < length; i += kLanes) {
    largest =
        _mm512_mask_max_ps(largest, first_lanes(length - i), largest, load(x + i, length - i));
  }
  const __m512 top = _mm512_set1_ps(_mm512_reduce_max_ps(largest));
  __m512 sum = _mm512_setzero_ps();
  for (int64_t i = 0; i < length; i += kLanes) {
    const __m512 value = exponential(_mm512_sub_ps(load(x + i, length - i), top));
    store(x + i, length - i, value);
    sum = _mm512_mask_add_ps(sum, first_lanes(length - i), sum, value);
  }
  const __m512 scale = _mm512_set1_ps(1.0f / _mm512_reduce_add_ps(sum));
  for (int64_t i = 0; i < length; i += kLanes) {
    store(x + i, length - i, _mm512_mul_ps(load(x + i, length - i), scale));
  }
}

void rope(float* x, const float* turns, int64_t pairs) {
  for (int64_t i = 0; i < 2 * pairs; i += kLanes) {
    const __m512 value = load(x + i, 2 * pairs - i);
    const __m512 turn = load(turns + i, 2 * pairs - i);
    const __m512 cosines = _mm512_moveldup_ps(turn);
    const __m512 sines = _mm512_movehdup_ps(turn);
    const __m512 swapped = _mm512_permute_ps(value, 0xb1);
    store(x + i, 2 * pairs - i, _mm512_fmaddsub_ps(value, cosines, _mm512_mul_ps(swapped, sines)));
  }
}

void rope_halves(float* x, const float* turns, int64_t pairs) {
  for (int64_t i = 0; i < pairs; i += kLanes) {
    const int64_t left = pairs - i;
    const __m512 first = load(x + i, left);
    const __m512 second = load(x + pairs + i, left);
    const __m512 cosines = load(turns + i, left);
    const __m512 sines = load(turns + pairs + i, left);
    store(x + i, left, _mm512_fmsub_ps(first, cosines, _mm512_mul_ps(second, sines)));
    store(x + pairs + i, left, _mm512_fmadd_ps(first, sines, _mm512_mul_ps(second, cosines)));
  }
}

// x / (1 + exp(-slope))
__m512 sigmoid_times(__m512 x, __m512 slope) {
  const __m512 bottom =
      _mm512_add_ps(_mm512_set1_ps(1.0f), exponential(_mm512_sub_ps(_mm512_setzero_ps(), slope)));
  return _mm512_div_ps(x, bottom);
}

// The tanh form is v / (1 + exp(-2 sqrt(2 / pi) (v + 0.044715 v^3))), without its cancellation.
__m512 gelu_of(__m512 v) {
  const __m512 square = _mm512_mul_ps(v, v);
  const __m512 slope =
      _mm512_fmadd_ps(square, _mm512_set1_ps(0.0713548163f), _mm512_set1_ps(1.59576912f));
  return sigmoid_times(v, _mm512_mul_ps(v, slope));
}

struct Silu {
  __m512 operator()(__m512 gate, __m512 up) const {
    return _mm512_mul_ps(sigmoid_times(gate, gate), up);
  }
};

struct Gelu {
  __m512 operator()(__m512 gate, __m512 up) const { return _mm512_mul_ps(gelu_of(gate), up); }
};

struct ClampedSilu {
  __m512 operator()(__m512 gate, __m512 up) const {
    // This operand order keeps NaN.
    const __m512 limit = _mm512_set1_ps(7.0f);
    gate = _mm512_min_ps(limit, gate);
    up = _mm512_max_ps(_mm512_set1_ps(-7.0f), _mm512_min_ps(limit, up));
    const __m512 value = sigmoid_times(gate, _mm512_mul_ps(gate, _mm512_set1_ps(1.702f)));
    return _mm512_mul_ps(value, _mm512_add_ps(up, _mm512_set1_ps(1.0f)));
  }
};

template <typename Gate>
void gate_multiply(float* gate, const float* up, int64_t length) {
  for (int64_t i = 0; i < length; i += kLanes) {
    store(gate + i, length - i, Gate()(load(gate + i, length - i), load(up + i, length - i)));
  }
}

void gelu(float* x, int64_t length) {
  for (int64_t i = 0; i < length; i += kLanes) {
    store(x + i, length - i, gelu_of(load(x + i, length - i)));
  }
}

void soft_cap(float* x, float cap, int64_t length) {
  const __m512 scale = _mm512_set1_ps(cap);
  for (int64_t i = 0; i < length; i += kLanes) {
    const __m512 value = tanh_of(_mm512_div_ps(load(x + i, length - i), scale));
    store(x + i, length - i, _mm512_mul_ps(scale, value));
  }
}

void layer_norm(const float* x, const float* weight, const float* bias, float epsilon,
                int64_t length, float* out) {
  __m512 sum = _mm512_setzero_ps();
  for (int64_t i = 0; i < length; i += kLanes) sum = _mm512_add_ps(sum, load(x + i, length - i));
  const __m512 middle = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / static_cast<float>(length));
  __m512 squares = _mm512_setzero_ps();
  for (int64_t i = 0; i < length; i += kLanes) {
    const __m512 value =
        _mm512_maskz_sub_ps(first_lanes(length - i), load(x + i, length - i), middle);
    squares = _mm512_fmadd_ps(value, value, squares);
  }
  const float variance = _mm512_reduce_add_ps(squares) / static_cast<float>(length);
  const __m512 scale = _mm512_set1_ps(1.0f / __builtin_sqrtf(variance + epsilon));
  for (int64_t i = 0; i < length; i += kLanes) {
    const __m512 value = _mm512_mul_ps(_mm512_sub_ps(load(x + i, length - i), middle), scale);
    store(out + i, length - i,
          _mm512_fmadd_ps(value, load(weight + i, length - i), load(bias + i, length - i)));
  }
}

int64_t find_largest(const float* x, int64_t length) {
  constexpr int kInfiniteOrNot = 0x99;  // quiet and signalling NaN, both infinities
  __m512 largest = _mm512_set1_ps(x[0]);
  __mmask16 bad = 0;
  for (int64_t i = 0; i < length; i += kLanes) {
    // Lanes past the end keep what is known to be no larger than the largest.
    const __mmask16 mask = first_lanes(length - i);
    const __m512 value = _mm512_mask_loadu_ps(largest, mask, x + i);
    bad = static_cast<__mmask16>(bad | _mm512_fpclass_ps_mask(value, kInfiniteOrNot));
    largest = _mm512_max_ps(largest, value);
  }
  if (bad != 0) return -1;
  const __m512 top = _mm512_set1_ps(_mm512_reduce_max_ps(largest));
  for (int64_t i = 0; i < length; i += kLanes) {
    const __mmask16 mask = first_lanes(length - i);
    const __mmask16 equal = _mm512_mask_cmp_ps_mask(mask, load(x + i, length - i), top, _CMP_EQ_OQ);
    if (equal != 0) return i + __builtin_ctz(equal);
  }
  return -1;
}

uint64_t sum_words(const uint8_t* from, int64_t bytes) {
  constexpr int kVectors = 4;
  __m512i sums[kVectors];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  const int64_t part = bytes / kVectors;  // several streams are read faster than one
  for (int64_t at = 0; at < part; at += 64) {
    for (int i = 0; i < kVectors; ++i) {
      sums[i] = _mm512_add_epi64(sums[i], _mm512_loadu_si512(from + i * part + at));
    }
  }
  for (int i = 1; i < kVectors; ++i) sums[0] = _mm512_add_epi64(sums[0], sums[i]);
  uint64_t words[8];
  _mm512_storeu_si512(words, sums[0]);
  uint64_t sum = 0;
  for (const uint64_t word : words) sum += word;
  return sum;
}

void add(float* x, const float* y, int64_t length) {
  for (int64_t i = 0; i < length; i += kLanes) {
    store(x + i, length - i, _mm512_add_ps(load(x + i, length - i), load(y + i, length - i)));
  }
}

void attention_scores(const float* query, const float* keys, int64_t stride, int64_t count,
                      int64_t length, float scale, float* scores) {
  for (int64_t t = 0; t < count; ++t) {
    __m512 sum = _mm512_setzero_ps();
    for (int64_t i = 0; i < length; i += kLanes) {
      sum = _mm512_fmadd_ps(load(query + i, length - i), load(keys + t * stride + i, length - i),
                            sum);
    }
    scores[t] = scale * _mm512_reduce_add_ps(sum);
  }
}

void attention_mix(const float* weights, const float* values, int64_t stride, int64_t count,
                   int64_t length, float* out) {
  for (int64_t i = 0; i < length; i += kLanes) {
    __m512 sum = load(out + i, length - i);
    for (int64_t t = 0; t < count; ++t) {
      sum = _mm512_fmadd_ps(_mm512_set1_ps(weights[t]), load(values + t * stride + i, length - i),
                            sum);
    }
    store(out + i, length - i, sum);
  }
}

}  // namespace

const KernelTable kAvx512Kernels = {
    "avx512",
    matmul<F32Row>,
    matmul<F16Row>,
    matmul<Q8Row>,
    rms_norm,
    softmax,
    rope,
    rope_halves,
    gate_multiply<Silu>,
    gate_multiply<Gelu>,
    gate_multiply<ClampedSilu>,
    gelu,
    soft_cap,
    layer_norm,
    find_largest,
    sum_words,
    add,
    attention_scores,
    attention_mix,
    attend_avx512,
};

}  // namespace plinth::engine::kernels
#endif
