// SPDX-License-Identifier: Apache-2.0
// The reference kernels: written to be read, sums in double. Every other table is tested against
// this one, and CPUs without a faster table run it.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "engine/kernels/formats/codecs.h"
#include "engine/kernels/kernels.h"

namespace plinth::engine::kernels {
namespace {

float dot(const float* a, const float* b, int64_t length) {
  double sum = 0;
  for (int64_t i = 0; i < length; ++i) sum += static_cast<double>(a[i]) * b[i];
  return static_cast<float>(sum);
}

const void* row_of(const MatmulArguments& m, int64_t row) {
  return static_cast<const uint8_t*>(m.weights) + row * m.row_bytes;
}

void multiply_row(const MatmulArguments& m, int64_t row, const float* weights) {
  for (int64_t column = 0; column < m.columns; ++column) {
    m.out[column * m.out_stride + row] = dot(weights, m.x + column * m.x_stride, m.length);
  }
}

void matmul_f32(const MatmulArguments& m) {
  for (int64_t row = m.row_begin; row < m.row_end; ++row) {
    multiply_row(m, row, static_cast<const float*>(row_of(m, row)));
  }
}

template <void (*widen)(const void*, int64_t, float*)>
void matmul_widened(const MatmulArguments& m) {
  std::vector<float> weights(static_cast<size_t>(m.length));
  for (int64_t row = m.row_begin; row < m.row_end; ++row) {
    widen(row_of(m, row), m.length, weights.data());
    multiply_row(m, row, weights.data());
  }
}

void rms_norm(const float* x, const float* weight, float epsilon, int64_t length, float* out) {
  double squares = 0;
  for (int64_t i = 0; i < length; ++i) squares += static_cast<double>(x[i]) * x[i];
  const double mean = squares / static_cast<double>(length);
  const auto scale = static_cast<float>(1.0 / std::sqrt(mean + epsilon));
  for (int64_t i = 0; i < length; ++i) out[i] = x[i] * scale * weight[i];
}

void softmax(float* x, int64_t length) {
  const float largest = *std::max_element(x, x + length);
  double sum = 0;
  for (int64_t i = 0; i < length; ++i) {
    x[i] = std::exp(x[i] - largest);
    sum += x[i];
  }
  const auto scale = static_cast<float>(1.0 / sum);
  for (int64_t i = 0; i < length; ++i) x[i] *= scale;
}

void rope(float* x, const float* turns, int64_t pairs) {
  for (int64_t i = 0; i < pairs; ++i) {
    const float cosine = turns[2 * i];
    const float sine = turns[2 * i + 1];
    const float first = x[2 * i];
    const float second = x[2 * i + 1];
    x[2 * i] = first * cosine - second * sine;
    x[2 * i + 1] = first * sine + second * cosine;
  }
}

void rope_halves(float* x, const float* turns, int64_t pairs) {
  for (int64_t i = 0; i < pairs; ++i) {
    const float cosine = turns[i];
    const float sine = turns[pairs + i];
    const float first = x[i];
    const float second = x[pairs + i];
    x[i] = first * cosine - second * sine;
    x[pairs + i] = first * sine + second * cosine;
  }
}

void silu_multiply(float* gate, const float* up, int64_t length) {
  for (int64_t i = 0; i < length; ++i) {
    gate[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
  }
}

float gelu_of(float v) {
  constexpr double kRootOf2OverPi = 0.79788456080286535588;
  const double x = v;
  return static_cast<float>(0.5 * x * (1 + std::tanh(kRootOf2OverPi * (x + 0.044715 * x * x * x))));
}

void gelu_multiply(float* gate, const float* up, int64_t length) {
  for (int64_t i = 0; i < length; ++i) gate[i] = gelu_of(gate[i]) * up[i];
}

void clamped_silu_multiply(float* gate, const float* up, int64_t length) {
  constexpr float kLimit = 7;
  for (int64_t i = 0; i < length; ++i) {
    const float g = gate[i] > kLimit ? kLimit : gate[i];
    const float u = std::clamp(up[i], -kLimit, kLimit);
    gate[i] = g / (1.0f + std::exp(-1.702f * g)) * (u + 1.0f);
  }
}

void gelu(float* x, int64_t length) {
  for (int64_t i = 0; i < length; ++i) x[i] = gelu_of(x[i]);
}

void soft_cap(float* x, float cap, int64_t length) {
  for (int64_t i = 0; i < length; ++i) {
    x[i] = static_cast<float>(cap * std::tanh(static_cast<double>(x[i]) / cap));
  }
}

void layer_norm(const float* x, const float* weight, const float* bias, float epsilon,
                int64_t length, float* out) {
  double sum = 0;
  for (int64_t i = 0; i < length; ++i) sum += x[i];
  const double mean = sum / static_cast<double>(length);
  double squares = 0;
  for (int64_t i = 0; i < length; ++i) squares += (x[i] - mean) * (x[i] - mean);
  const double scale = 1.0 / std::sqrt(squares / static_cast<double>(length) + epsilon);
  for (int64_t i = 0; i < length; ++i) {
    out[i] = static_cast<float>((x[i] - mean) * scale) * weight[i] + bias[i];
  }
}

int64_t find_largest(const float* x, int64_t length) {
  int64_t found = 0;
  for (int64_t i = 0; i < length; ++i) {
    if (!std::isfinite(x[i])) return -1;
    if (x[i] > x[found]) found = i;
  }
  return found;
}

uint64_t sum_words(const uint8_t* from, int64_t bytes) {
  uint64_t sum = 0;
  for (int64_t at = 0; at < bytes; at += 8) {
    uint64_t word;
    std::memcpy(&word, from + at, sizeof(word));
    sum += word;
  }
  return sum;
}

void add(float* x, const float* y, int64_t length) {
  for (int64_t i = 0; i < length; ++i) x[i] += y[i];
}

void attention_scores(const float* query, const float* keys, int64_t stride, int64_t count,
                      int64_t length, float scale, float* scores) {
  for (int64_t t = 0; t < count; ++t) scores[t] = scale * dot(query, keys + t * stride, length);
}

void attention_mix(const float* weights, const float* values, int64_t stride, int64_t count,
                   int64_t length, float* out) {
  for (int64_t t = 0; t < count; ++t) {
    for (int64_t i = 0; i < length; ++i) out[i] += weights[t] * values[t * stride + i];
  }
}

}  // namespace

const KernelTable kScalarKernels = {
    "scalar",
    matmul_f32,
    matmul_widened<widen_f16>,
    matmul_widened<widen_q8_0>,
    rms_norm,
    softmax,
    rope,
    rope_halves,
    silu_multiply,
    gelu_multiply,
    clamped_silu_multiply,
    gelu,
    soft_cap,
    layer_norm,
    find_largest,
    sum_words,
    add,
    attention_scores,
    attention_mix,
    attend_scalar,
};

}  // namespace plinth::engine::kernels
