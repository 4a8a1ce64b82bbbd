// SPDX-License-Identifier: Apache-2.0
// Kernels for AVX2, FMA and F16C: one 8-lane accumulator per product, summed over the length in
// order and folded in one fixed way, whatever the tile around it.
#if defined(__x86_64__)
#include <immintrin.h>

#include "engine/kernels/avx2/math.h"
#include "engine/kernels/kernels.h"

namespace plinth::engine::kernels {
namespace {

constexpr int64_t kLanes = 8;

__m256i first_lanes(int64_t count) {
  const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count < kLanes ? count : kLanes)),
                            index);
}

float fold(__m256 value) {
  __m128 sum = _mm_add_ps(_mm256_castps256_ps128(value), _mm256_extractf128_ps(value, 1));
  sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
  sum = _mm_add_ss(sum, _mm_movehdup_ps(sum));
  return _mm_cvtss_f32(sum);
}

float fold_max(__m256 value) {
  __m128 top = _mm_max_ps(_mm256_castps256_ps128(value), _mm256_extractf128_ps(value, 1));
  top = _mm_max_ps(top, _mm_movehl_ps(top, top));
  top = _mm_max_ss(top, _mm_movehdup_ps(top));
  return _mm_cvtss_f32(top);
}

__m256 load(const float* x, int64_t left) {
  return left >= kLanes ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, first_lanes(left));
}

void store(float* x, int64_t left, __m256 value) {
  if (left >= kLanes) {
    _mm256_storeu_ps(x, value);
  } else {
    _mm256_maskstore_ps(x, first_lanes(left), value);
  }
}

// Widened weights k .. k+7 of one row; lanes past the row's length are 0.
struct F32Row {
  const float* row;
  explicit F32Row(const void* bytes) : row(static_cast<const float*>(bytes)) {}
  __m256 load_at(int64_t k, int64_t left) const { return load(row + k, left); }
};

struct F16Row {
  const uint16_t* row;
  explicit F16Row(const void* bytes) : row(static_cast<const uint16_t*>(bytes)) {}
  __m256 load_at(int64_t k, int64_t left) const {
    if (left >= kLanes) {
      return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row + k)));
    }
    uint16_t padded[kLanes] = {};
    __builtin_memcpy(padded, row + k, static_cast<size_t>(left) * sizeof(uint16_t));
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(padded)));
  }
};

// A scale of 11 significant bits times a byte is exact in F32, so widening loses nothing.
// Rows are whole blocks of 32, so there is never a tail.
struct Q8Row {
  const uint8_t* row;
  explicit Q8Row(const void* bytes) : row(static_cast<const uint8_t*>(bytes)) {}
  __m256 load_at(int64_t k, int64_t) const {
    const uint8_t* block = row + k / 32 * 34;
    uint16_t half;
    __builtin_memcpy(&half, block, sizeof(half));
    const __m256 scale = _mm256_set1_ps(_cvtsh_ss(half));
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(block + 2 + k % 32));
    return _mm256_mul_ps(scale, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)));
  }
};

// One accumulator per product: 8 lanes, in order of k.
template <typename Row, int kRows, int kColumns>
void tile(const MatmulArguments& m, int64_t row, int64_t column) {
  const auto* weights = static_cast<const uint8_t*>(m.weights) + row * m.row_bytes;
  const float* x = m.x + column * m.x_stride;
  __m256 sums[kRows][kColumns];
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kColumns; ++c) sums[r][c] = _mm256_setzero_ps();
  }
  for (int64_t k = 0; k < m.length; k += kLanes) {
    __m256 inputs[kColumns];
    for (int c = 0; c < kColumns; ++c) inputs[c] = load(x + c * m.x_stride + k, m.length - k);
    for (int r = 0; r < kRows; ++r) {
      const __m256 weight = Row(weights + r * m.row_bytes).load_at(k, m.length - k);
      for (int c = 0; c < kColumns; ++c) {
        sums[r][c] = _mm256_fmadd_ps(weight, inputs[c], sums[r][c]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kColumns; ++c) {
      m.out[(column + c) * m.out_stride + row + r] = fold(sums[r][c]);
    }
  }
}

template <typename Row, int kRows>
void rows_by_columns(const MatmulArguments& m, int64_t row) {
  int64_t column = 0;
  for (; column + 2 <= m.columns; column += 2) tile<Row, kRows, 2>(m, row, column);
  for (; column < m.columns; ++column) tile<Row, kRows, 1>(m, row, column);
}

template <typename Row>
void matmul(const MatmulArguments& m) {
  int64_t row = m.row_begin;
  for (; row + 4 <= m.row_end; row += 4) rows_by_columns<Row, 4>(m, row);
  for (; row < m.row_end; ++row) rows_by_columns<Row, 1>(m, row);
}

void rms_norm(const float* x, const float* weight, float epsilon, int64_t length, float* out) {
  __m256 squares = _mm256_setzero_ps();
  for (int64_t i = 0; i < length; i += kLanes) {
    const __m256 value = load(x + i, length - i);
    squares = _mm256_fmadd_ps(value, value, squares);
  }
  const float mean = fold(squares) / static_cast<float>(length);
  const __m256 scale = _mm256_set1_ps(1.0f / __builtin_sqrtf(mean + epsilon));
  for (int64_t i = 0; i < length; i += kLanes) {
    const __m256 value = _mm256_mul_ps(load(x + i, length - i), scale);
    store(out + i, length - i, _mm256_mul_ps(value, load(weight + i, length - i)));
  }
}

void softmax(float* x, int64_t length) {
  __m256 largest = _mm256_set1_ps(x[0]);
  for (int64_t i = 0; i < length; i += kLanes) {
    const __m256 is_inside = _mm256_castsi256_ps(first_lanes(length - i));
    const __m256 value = _mm256_blendv_ps(largest, load(x + i, length - i), is_inside);
    largest = _mm256_max_ps(largest, value);
  }
  const __m256 top = _mm256_set1_ps(fold_max(largest));
  __m256 sum = _mm256_setzero_ps();
  for (int64_t i = 0; i < length; i += kLanes) {
    const __m256 value = exponential(_mm256_sub_ps(load(x + i, length - i), top));
    store(x + i, length - i, value);
    sum = _mm256_add_ps(sum, _mm256_and_ps(value, _mm256_castsi256_ps(first_lanes(length - i))));
  }
  const __m256 scale = _mm256_set1_ps(1.0f / fold(sum));
  for (int64_t i = 0; i < length; i += kLanes) {
    store(x + i, length - i, _mm256_mul_ps(load(x + i, length - i), scale));
  }
}

void rope(float* x, const float* turns, int64_t pairs) {
  for (int64_t i = 0; i < 2 * pairs; i += kLanes) {
    const __m256 value = load(x + i, 2 * pairs - i);
    const __m256 turn = load(turns + i, 2 * pairs - i);
    const __m256 cosines = _mm256_moveldup_ps(turn);
    const __m256 sines = _mm256_movehdup_ps(turn);
    const __m256 swapped = _mm256_permute_ps(value, 0xb1);
    store(x + i, 2 * pairs - i, _mm256_fmaddsub_ps(value, cosines, _mm256_mul_ps(swapped, sines)));
  }
}

void rope_halves(float* x, const float* turns, int64_t pairs) {
  for (int64_t i = 0; i < pairs; i += kLanes) {
    const int64_t left = pairs - i;
    const __m256 first = load(x + i, left);
    const __m256 second = load(x + pairs + i, left);
    const __m256 cosines = load(turns + i, left);
    const __m256 sines = load(turns + pairs + i, left);
    store(x + i, left, _mm256_fmsub_ps(first, cosines, _mm256_mul_ps(second, sines)));
    store(x + pairs + i, left, _mm256_fmadd_ps(first, sines, _mm256_mul_ps(second, cosines)));
  }
}

// x / (1 + exp(-slope))
__m256 sigmoid_times(__m256 x, __m256 slope) {
  const __m256 bottom =
      _mm256_add_ps(_mm256_set1_ps(1.0f), exponential(_mm256_sub_ps(_mm256_setzero_ps(), slope)));
  return _mm256_div_ps(x, bottom);
}

// The tanh form is v / (1 + exp(-2 sqrt(2 / pi) (v + 0.044715 v^3))), without its cancellation.
__m256 gelu_of(__m256 v) {
  const __m256 square = _mm256_mul_ps(v, v);
  const __m256 slope =
      _mm256_fmadd_ps(square, _mm256_set1_ps(0.0713548163f), _mm256_set1_ps(1.59576912f));
  return sigmoid_times(v, _mm256_mul_ps(v, slope));
}

struct Silu {
  __m256 operator()(__m256 gate, __m256 up) const {
    return _mm256_mul_ps(sigmoid_times(gate, gate), up);
  }
};

struct Gelu {
  __m256 operator()(__m256 gate, __m256 up) const { return _mm256_mul_ps(gelu_of(gate), up); }
};

struct ClampedSilu {
  __m256 operator()(__m256 gate, __m256 up) const {
    // This operand order keeps NaN.
    const __m256 limit = _mm256_set1_ps(7.0f);
    gate = _mm256_min_ps(limit, gate);
    up = _mm256_max_ps(_mm256_set1_ps(-7.0f), _mm256_min_ps(limit, up));
    const __m256 value = sigmoid_times(gate, _mm256_mul_ps(gate, _mm256_set1_ps(1.702f)));
    return _mm256_mul_ps(value, _mm256_add_ps(up, _mm256_set1_ps(1.0f)));
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
  const __m256 scale = _mm256_set1_ps(cap);
  for (int64_t i = 0; i < length; i += kLanes) {
    const __m256 value = tanh_of(_mm256_div_ps(load(x + i, length - i), scale));
    store(x + i, length - i, _mm256_mul_ps(scale, value));
  }
}

void layer_norm(const float* x, const float* weight, const float* bias, float epsilon,
                int64_t length, float* out) {
  __m256 sum = _mm256_setzero_ps();
  for (int64_t i = 0; i < length; i += kLanes) sum = _mm256_add_ps(sum, load(x + i, length - i));
  const __m256 middle = _mm256_set1_ps(fold(sum) / static_cast<float>(length));
  __m256 squares = _mm256_setzero_ps();
  for (int64_t i = 0; i < length; i += kLanes) {
    const __m256 value = _mm256_and_ps(_mm256_castsi256_ps(first_lanes(length - i)),
                                       _mm256_sub_ps(load(x + i, length - i), middle));
    squares = _mm256_fmadd_ps(value, value, squares);
  }
  const float variance = fold(squares) / static_cast<float>(length);
  const __m256 scale = _mm256_set1_ps(1.0f / __builtin_sqrtf(variance + epsilon));
  for (int64_t i = 0; i < length; i += kLanes) {
    const __m256 value = _mm256_mul_ps(_mm256_sub_ps(load(x + i, length - i), middle), scale);
    store(out + i, length - i,
          _mm256_fmadd_ps(value, load(weight + i, length - i), load(bias + i, length - i)));
  }
}

int64_t find_largest(const float* x, int64_t length) {
  const __m256 infinity = _mm256_set1_ps(__builtin_inff());
  const __m256 no_sign = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  __m256 largest = _mm256_set1_ps(x[0]);
  __m256 bad = _mm256_setzero_ps();
  const int64_t whole = length / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    const __m256 value = _mm256_loadu_ps(x + i);
    bad = _mm256_or_ps(bad, _mm256_cmp_ps(_mm256_and_ps(value, no_sign), infinity, _CMP_NLT_UQ));
    largest = _mm256_max_ps(largest, value);
  }
  float lanes[kLanes];
  _mm256_storeu_ps(lanes, largest);
  float top = lanes[0];
  for (const float lane : lanes) top = lane > top ? lane : top;
  bool is_bad = _mm256_movemask_ps(bad) != 0;
  for (int64_t i = whole; i < length; ++i) {
    is_bad |= !(__builtin_fabsf(x[i]) < __builtin_inff());
    top = x[i] > top ? x[i] : top;
  }
  if (is_bad) return -1;
  for (int64_t i = 0; i < whole; i += kLanes) {
    const int equal =
        _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(x + i), _mm256_set1_ps(top), _CMP_EQ_OQ));
    if (equal != 0) return i + __builtin_ctz(static_cast<unsigned>(equal));
  }
  for (int64_t i = whole; i < length; ++i) {
    if (x[i] == top) return i;
  }
  return -1;
}

uint64_t sum_words(const uint8_t* from, int64_t bytes) {
  constexpr int kVectors = 8;
  __m256i sums[kVectors];
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  const int64_t part = bytes / kVectors;  // several streams are read faster than one
  for (int64_t at = 0; at < part; at += 32) {
    for (int i = 0; i < kVectors; ++i) {
      sums[i] = _mm256_add_epi64(
          sums[i], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i * part + at)));
    }
  }
  for (int i = 1; i < kVectors; ++i) sums[0] = _mm256_add_epi64(sums[0], sums[i]);
  uint64_t words[4];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(words), sums[0]);
  uint64_t sum = 0;
  for (const uint64_t word : words) sum += word;
  return sum;
}

void add(float* x, const float* y, int64_t length) {
  for (int64_t i = 0; i < length; i += kLanes) {
    store(x + i, length - i, _mm256_add_ps(load(x + i, length - i), load(y + i, length - i)));
  }
}

void attention_scores(const float* query, const float* keys, int64_t stride, int64_t count,
                      int64_t length, float scale, float* scores) {
  for (int64_t t = 0; t < count; ++t) {
    __m256 sum = _mm256_setzero_ps();
    for (int64_t i = 0; i < length; i += kLanes) {
      sum = _mm256_fmadd_ps(load(query + i, length - i), load(keys + t * stride + i, length - i),
                            sum);
    }
    scores[t] = scale * fold(sum);
  }
}

void attention_mix(const float* weights, const float* values, int64_t stride, int64_t count,
                   int64_t length, float* out) {
  for (int64_t i = 0; i < length; i += kLanes) {
    __m256 sum = load(out + i, length - i);
    for (int64_t t = 0; t < count; ++t) {
      sum = _mm256_fmadd_ps(_mm256_set1_ps(weights[t]), load(values + t * stride + i, length - i),
                            sum);
    }
    store(out + i, length - i, sum);
  }
}

}  // namespace

const KernelTable kAvx2Kernels = {
    "avx2",
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
    attend_avx2,
};

}  // namespace plinth::engine::kernels
#endif
