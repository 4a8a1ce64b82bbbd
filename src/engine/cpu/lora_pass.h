// SPDX-License-Identifier: Apache-2.0
// Adds what adapters add to a batch's products: the rows of one adapter together, each row's
// adapters in its own order. A row's bits do not depend on the rows beside it, and rows without an
// adapter are not touched.
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/cpu/build_context.h"
#include "engine/models/decoder_plan.h"
#include "engine/models/lora.h"

namespace plinth::engine::cpu {

class LoraPass {
 public:
  LoraPass(const DecoderPlan& plan, const kernels::KernelTable& kernels, kernels::ThreadPool& pool);

  // Error: unsupported names a tensor that the model does not multiply with, such as one of
  // experts.
  Status check(const Adapter& adapter) const;

  // Groups the rows; before the first product.
  void begin(std::span<const BatchRow> batch);
  // From here on products have a row per row that wants logits only.
  void keep_wanting();
  // Whether no row of the batch has an adapter.
  bool is_empty() const { return groups_.empty(); }
  // out[row] += scale * B (A x[row]) for the rows with an adapter of this matrix. x has
  // matrix.length values per row, out matrix.rows.
  void add(const Matrix& matrix, const float* x, float* out);

 private:
  struct Use {
    int64_t row = 0;          // of the products now
    int64_t wanting_row = 0;  // among those that want logits; -1: does not
    float scale = 1;
  };
  // Uses of one adapter at the same place of their rows' orders.
  struct Group {
    size_t place = 0;
    const Adapter* adapter = nullptr;
    std::vector<Use> uses;
  };

  void add_group(const Group& group, const LowRank& low, const Matrix& matrix, const float* x,
                 float* out);
  void multiply_rows(const float* weights, int64_t rows, int64_t length, const float* x,
                     int64_t columns, float* out) const;

  const kernels::KernelTable& kernels_;
  kernels::ThreadPool& pool_;
  std::set<std::string, std::less<>> tensors_;  // that are multiplied here
  std::vector<Group> groups_;
  std::vector<float> gathered_, inner_, results_;  // of one group
};

}  // namespace plinth::engine::cpu
