// SPDX-License-Identifier: Apache-2.0
// What the oracles share: every tensor of a file as doubles, and plain vector arithmetic.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/gguf/file.h"

namespace plinth::oracle {

using Vector = std::vector<double>;

struct Matrix {
  int64_t rows = 0;  // of all matrices that the tensor holds
  int64_t length = 0;
  Vector values;  // [rows][length]
};

using Tensors = std::map<std::string, Matrix, std::less<>>;

// F32, F16 and Q8_0.
Tensors read_tensors(const engine::gguf::File& file);

// Rows begin .. begin + count - 1 times x.
Vector multiply(const Matrix& matrix, const Vector& x, int64_t begin, int64_t count);
Vector multiply(const Matrix& matrix, const Vector& x);
void add(Vector& x, const Vector& y);
Vector softmax(const Vector& scores);
double silu(double x);
double gelu(double x);  // the tanh form

}  // namespace plinth::oracle
