// SPDX-License-Identifier: Apache-2.0
#include "engine/cpu/host_weights.h"

#include <vector>

#include "engine/cpu/packing.h"
#include "engine/models/plan_matrices.h"

namespace plinth::engine::cpu {
namespace {

template <typename Plan>
uint64_t bytes_of(const Plan& plan) {
  int64_t bytes = 0;
  for_each_matrix(plan, [&](const Matrix& matrix, MatrixUse use) {
    if (use != MatrixUse::multiplied) return;
    bytes += cpu::packed_bytes(*matrix.format, matrix.rows, matrix.length);
  });
  return static_cast<uint64_t>(bytes);
}

}  // namespace

void widen_row(const Matrix& matrix, int64_t row, float* out) {
  const HostMatrix& own = host_matrix_of(matrix);
  own.format->widen(own.data + row * own.row_bytes, own.length, out);
}

std::unique_ptr<HostWeights> HostWeights::take(DecoderPlan& plan, const BuildContext& build) {
  return take_plan(plan, build);
}
std::unique_ptr<HostWeights> HostWeights::take(EncoderPlan& plan, const BuildContext& build) {
  return take_plan(plan, build);
}

uint64_t HostWeights::packed_bytes(const DecoderPlan& plan) { return bytes_of(plan); }
uint64_t HostWeights::packed_bytes(const EncoderPlan& plan) { return bytes_of(plan); }

template <typename Plan>
std::unique_ptr<HostWeights> HostWeights::take_plan(Plan& plan, const BuildContext& build) {
  std::unique_ptr<HostWeights> weights(new HostWeights());
  std::vector<HostMatrix*> multiplied;
  for_each_matrix(plan, [&](Matrix& matrix, MatrixUse use) {
    HostMatrix* own = weights->add(matrix, build.file);
    if (use == MatrixUse::multiplied) multiplied.push_back(own);
  });
  if (build.precision == Precision::fast) weights->packed_ = pack(multiplied, build);
  return weights;
}

HostMatrix* HostWeights::add(Matrix& matrix, const gguf::File& file) {
  HostMatrix& own = matrices_.emplace_back();
  own.format = matrix.format;
  own.rows = matrix.rows;
  own.length = matrix.length;
  own.row_bytes = matrix.row_bytes();
  own.data = file.data(*matrix.tensor) + matrix.row_begin * own.row_bytes;
  matrix.buffer = &own;
  return &own;
}

}  // namespace plinth::engine::cpu
