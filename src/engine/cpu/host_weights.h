// SPDX-License-Identifier: Apache-2.0
// A plan's matrices in this machine's memory: as the file maps them, and packed where a kernel
// multiplies them so.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>

#include "base/check.h"
#include "engine/cpu/build_context.h"
#include "engine/kernels/huge_memory.h"
#include "engine/kernels/panels/packed.h"
#include "engine/models/weights.h"

namespace plinth::engine::cpu {

struct HostMatrix final : WeightBuffer {
  const kernels::Format* format = nullptr;
  const std::byte* data = nullptr;
  int64_t rows = 0;
  int64_t length = 0;  // values of a row
  int64_t row_bytes = 0;
  kernels::PackedMatrix packed;  // empty: multiplied as the file holds it
};

// Of a matrix whose plan HostWeights has taken.
inline const HostMatrix& host_matrix_of(const Matrix& matrix) {
  CHECK(matrix.buffer != nullptr);
  return static_cast<const HostMatrix&>(*matrix.buffer);
}

// F32 values of one row.
void widen_row(const Matrix& matrix, int64_t row, float* out);

class HostWeights {
 public:
  // Sets the buffers of all matrices of the plan to what is returned. With Precision::fast those
  // that are multiplied with activations are packed; embeddings that are only looked up, and
  // routers, whose choices must not depend on rounding, stay as the file holds them. Blocks: reads
  // all weights.
  static std::unique_ptr<HostWeights> take(DecoderPlan& plan, const BuildContext& build);
  static std::unique_ptr<HostWeights> take(EncoderPlan& plan, const BuildContext& build);
  HostWeights(const HostWeights&) = delete;
  HostWeights& operator=(const HostWeights&) = delete;

  // The bytes that packing takes.
  static uint64_t packed_bytes(const DecoderPlan& plan);
  static uint64_t packed_bytes(const EncoderPlan& plan);

 private:
  HostWeights() = default;
  template <typename Plan>
  static std::unique_ptr<HostWeights> take_plan(Plan& plan, const BuildContext& build);
  HostMatrix* add(Matrix& matrix, const gguf::File& file);

  std::deque<HostMatrix> matrices_;  // stay where they are
  std::unique_ptr<const kernels::HugeMemory> packed_;
};

}  // namespace plinth::engine::cpu
