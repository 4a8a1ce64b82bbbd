// SPDX-License-Identifier: Apache-2.0
// Plain loops in double precision.
#include "tests/oracle/tensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

namespace plinth::oracle {
namespace {

// IEEE 754 half precision, by its definition.
double half_value(uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int fraction = bits & 1023;
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

uint16_t read_half(const std::byte* at) {
  uint16_t bits;
  std::memcpy(&bits, at, sizeof(bits));
  return bits;
}

double value_at(const std::byte* data, uint32_t type, int64_t index) {
  if (type == 0) {
    float value;
    std::memcpy(&value, data + 4 * index, sizeof(value));
    return value;
  }
  if (type == 1) return half_value(read_half(data + 2 * index));
  // Q8_0: blocks of a half precision scale and 32 signed bytes.
  const std::byte* block = data + index / 32 * 34;
  return half_value(read_half(block)) * static_cast<int8_t>(block[2 + index % 32]);
}

}  // namespace

Tensors read_tensors(const engine::gguf::File& file) {
  Tensors tensors;
  for (const engine::gguf::Tensor& tensor : file.contents().tensors) {
    Matrix& matrix = tensors[std::string(tensor.name)];
    matrix.length = static_cast<int64_t>(tensor.dimensions[0]);
    matrix.rows = static_cast<int64_t>(tensor.values) / matrix.length;
    for (int64_t i = 0; i < matrix.rows * matrix.length; ++i) {
      matrix.values.push_back(value_at(file.data(tensor), tensor.type.id, i));
    }
  }
  return tensors;
}

Vector multiply(const Matrix& matrix, const Vector& x, int64_t begin, int64_t count) {
  Vector y(static_cast<size_t>(count), 0);
  for (int64_t r = 0; r < count; ++r) {
    for (int64_t i = 0; i < matrix.length; ++i) {
      y[static_cast<size_t>(r)] +=
          matrix.values[static_cast<size_t>((begin + r) * matrix.length + i)] *
          x[static_cast<size_t>(i)];
    }
  }
  return y;
}

Vector multiply(const Matrix& matrix, const Vector& x) {
  return multiply(matrix, x, 0, matrix.rows);
}

void add(Vector& x, const Vector& y) {
  for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

Vector softmax(const Vector& scores) {
  const double largest = *std::max_element(scores.begin(), scores.end());
  Vector weights;
  double total = 0;
  for (const double score : scores) {
    weights.push_back(std::exp(score - largest));
    total += weights.back();
  }
  for (double& weight : weights) weight /= total;
  return weights;
}

double silu(double x) { return x / (1 + std::exp(-x)); }

double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}

}  // namespace plinth::oracle
