// SPDX-License-Identifier: Apache-2.0
// Finds a model's tensors by name, checks their shapes and types, and refuses tensors nobody asked
// for: a model with parts this engine does not compute would give wrong answers in silence.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/gguf/file.h"
#include "engine/kernels/formats/formats.h"

namespace plinth::engine {

// A matrix where a backend holds it; what it is only that backend knows.
class WeightBuffer {
 protected:
  WeightBuffer() = default;
  WeightBuffer(const WeightBuffer&) = default;
  WeightBuffer& operator=(const WeightBuffer&) = default;
  ~WeightBuffer() = default;
};

// A weight matrix, by where it lies in the file.
struct Matrix {
  const kernels::Format* format = nullptr;
  const gguf::Tensor* tensor = nullptr;  // whose rows these are
  int64_t row_begin = 0;                 // the first of them
  int64_t rows = 0;
  int64_t length = 0;                    // values of a row
  const WeightBuffer* buffer = nullptr;  // what the backend that takes the plan makes of it

  int64_t row_bytes() const { return length / format->block_values * format->block_bytes; }
};

// `count` rows of a fused tensor from `begin` on; they must be there.
Matrix rows_of(const Matrix& whole, int64_t begin, int64_t count);

// y = weight x + bias
struct Linear {
  Matrix weight;
  std::vector<float> bias;  // empty: none
};

enum class Bias : uint8_t { none, optional, required };

class WeightReader {
 public:
  explicit WeightReader(const gguf::File& file) : file_(file) {}

  bool has(std::string_view name) const { return file_.contents().find_tensor(name) != nullptr; }
  // Errors: malformed (absent, another shape), unsupported (names the type).
  Result<Matrix> matrix(const std::string& name, int64_t rows, int64_t length);
  Result<std::vector<float>> vector(const std::string& name, int64_t length);
  // name.weight and name.bias. With Bias::none a bias in the file stays unasked for.
  Result<Linear> linear(const std::string& name, int64_t rows, int64_t length, Bias bias);
  // One row of a matrix.
  std::vector<float> row(const Matrix& matrix, int64_t index) const;
  // A tensor of `count` such matrices with their biases, one Linear each.
  Result<std::vector<Linear>> linears(const std::string& name, int64_t count, int64_t rows,
                                      int64_t length, Bias bias);
  // unsupported when the file has a tensor that was not asked for.
  Status check_all_used() const;

 private:
  Result<const gguf::Tensor*> find(const std::string& name, const std::vector<uint64_t>& shape);
  Matrix whole(const gguf::Tensor& tensor, int64_t rows, int64_t length) const;
  bool is_read(const std::string& name, Bias bias) const;

  const gguf::File& file_;
  std::set<std::string, std::less<>> used_;
};

}  // namespace plinth::engine
