// SPDX-License-Identifier: Apache-2.0
// Products of weight matrices with columns of activations. Whatever takes the same activations is
// multiplied in one parallel operation, and a column is rounded once for all its products.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/engine.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/panels/packed.h"
#include "engine/kernels/thread_pool.h"
#include "engine/models/decoder_plan.h"

namespace plinth::engine::cpu {

using kernels::Columns;

// Memory of columns that are filled, rounded and then multiplied. The length of a column may differ
// from use to use.
class ColumnBuffer {
 public:
  enum class Form : uint8_t { rounded, f32 };

  // Precision::exact rounds nothing.
  ColumnBuffer(const kernels::KernelTable& kernels, Precision precision, int64_t columns_max,
               int64_t length_max);

  float* column(int64_t index, int64_t length) { return values_.data() + index * length; }
  // The column's values are set: makes their rounded form. Threads may round different columns.
  void round(int64_t index, int64_t length);
  // Sets values [begin, begin + count) of a column, which are whole blocks of 32: in their rounded
  // form alone, or in F32 alone.
  void set(int64_t index, int64_t length, int64_t begin, int64_t count, const float* values,
           Form form);
  // Whether columns of this length have a rounded form.
  bool is_rounding(int64_t length) const;
  Columns view(int64_t count, int64_t length);

  // Bytes for one value of a column.
  static double bytes_per_value(Precision precision);

 private:
  const kernels::PanelKernels* panels_;
  std::vector<float> values_;
  bool is_rounded_;
  std::vector<kernels::QuantizedBlock> rounded_;
};

// out[c][r] = row r of the matrix times column c of x, plus the bias.
struct Product {
  const Linear* linear = nullptr;
  Columns x;
  float* out = nullptr;  // [x.count][rows]
};

void multiply(const kernels::KernelTable& kernels, kernels::ThreadPool& pool,
              std::span<const Product> products);
// F32 columns; a packed matrix rounds them first.
void multiply(const kernels::KernelTable& kernels, kernels::ThreadPool& pool, const Linear& linear,
              const float* x, int64_t columns, float* out);

// The kernel of that name.
using GateKernel = void (*)(float* gate, const float* up, int64_t length);
GateKernel gate_kernel(const kernels::KernelTable& kernels, Gating gating);

// Column c of x gives column out_begin + c of the result: gating(gate x, up x).
struct GatedProduct {
  const Linear* gate = nullptr;
  const Linear* up = nullptr;
  const Linear* down = nullptr;  // takes the result: rounded or in F32, as it needs it
  Columns x;
  int64_t out_begin = 0;
};

// Matrices of one shape. The result is out.view(…, rows of the gate).
void multiply_gated(const kernels::KernelTable& kernels, kernels::ThreadPool& pool, Gating gating,
                    std::span<const GatedProduct> products, ColumnBuffer& out);

}  // namespace plinth::engine::cpu
