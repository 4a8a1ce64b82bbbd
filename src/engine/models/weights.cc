// SPDX-License-Identifier: Apache-2.0
// Tensor lookup.
#include "engine/models/weights.h"

namespace plinth::engine {
namespace {

std::string shape_text(const std::vector<uint64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  }
  return text + "]";
}

std::string supported_types() {
  const kernels::FormatTable table = kernels::format_table();
  std::string names;
  for (int i = 0; i < table.count; ++i)
    names += (i > 0 ? ", " : "") + std::string(table.rows[i].name);
  return names;
}

}  // namespace

Matrix rows_of(const Matrix& whole, int64_t begin, int64_t count) {
  Matrix part = whole;
  part.row_begin += begin;
  part.rows = count;
  return part;
}

Result<const gguf::Tensor*> WeightReader::find(const std::string& name,
                                               const std::vector<uint64_t>& shape) {
  const gguf::Tensor* tensor = file_.contents().find_tensor(name);
  if (!tensor) {
    return make_error(ErrorCode::malformed, name + ": the file lacks this tensor", name);
  }
  if (tensor->dimensions != shape) {
    return make_error(ErrorCode::malformed,
                      name + ": its shape is " + shape_text(tensor->dimensions) + ", expected " +
                          shape_text(shape),
                      name);
  }
  if (!tensor->type.is_used) {
    return make_error(ErrorCode::unsupported,
                      name + ": type " + std::string(tensor->type.name) +
                          " is not computed; supported are " + supported_types(),
                      name);
  }
  used_.insert(name);
  return tensor;
}

Matrix WeightReader::whole(const gguf::Tensor& tensor, int64_t rows, int64_t length) const {
  Matrix matrix;
  matrix.format = kernels::find_format(tensor.type.id);
  matrix.tensor = &tensor;
  matrix.rows = rows;
  matrix.length = length;
  return matrix;
}

Result<Matrix> WeightReader::matrix(const std::string& name, int64_t rows, int64_t length) {
  const gguf::Tensor* tensor =
      TRY(find(name, {static_cast<uint64_t>(length), static_cast<uint64_t>(rows)}));
  return whole(*tensor, rows, length);
}

Result<std::vector<float>> WeightReader::vector(const std::string& name, int64_t length) {
  const gguf::Tensor* tensor = TRY(find(name, {static_cast<uint64_t>(length)}));
  return row(whole(*tensor, 1, length), 0);
}

std::vector<float> WeightReader::row(const Matrix& matrix, int64_t index) const {
  std::vector<float> values(static_cast<size_t>(matrix.length));
  const std::byte* begin =
      file_.data(*matrix.tensor) + (matrix.row_begin + index) * matrix.row_bytes();
  matrix.format->widen(begin, matrix.length, values.data());
  return values;
}

bool WeightReader::is_read(const std::string& name, Bias bias) const {
  return bias == Bias::required || (bias == Bias::optional && has(name));
}

Result<Linear> WeightReader::linear(const std::string& name, int64_t rows, int64_t length,
                                    Bias bias) {
  Linear linear;
  linear.weight = TRY(matrix(name + ".weight", rows, length));
  if (is_read(name + ".bias", bias)) linear.bias = TRY(vector(name + ".bias", rows));
  return linear;
}

Result<std::vector<Linear>> WeightReader::linears(const std::string& name, int64_t count,
                                                  int64_t rows, int64_t length, Bias bias) {
  const auto size = [](int64_t value) { return static_cast<uint64_t>(value); };
  const gguf::Tensor* tensor = TRY(find(name + ".weight", {size(length), size(rows), size(count)}));
  const Matrix all = whole(*tensor, count * rows, length);
  Matrix biases;
  if (is_read(name + ".bias", bias)) biases = TRY(matrix(name + ".bias", count, rows));
  std::vector<Linear> linears(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    Linear& linear = linears[static_cast<size_t>(i)];
    linear.weight = rows_of(all, i * rows, rows);
    if (biases.rows > 0) linear.bias = row(biases, i);
  }
  return linears;
}

Status WeightReader::check_all_used() const {
  for (const gguf::Tensor& tensor : file_.contents().tensors) {
    if (used_.contains(tensor.name)) continue;
    return make_error(ErrorCode::unsupported,
                      std::string(tensor.name) +
                          ": this tensor is not part of the architecture as it is computed here",
                      std::string(tensor.name));
  }
  return ok();
}

}  // namespace plinth::engine
