// SPDX-License-Identifier: Apache-2.0
// Attention of a batch's rows to the keys and values of their own sequences.
#pragma once

#include <span>
#include <vector>

#include "engine/models/decoder_plan.h"
#include "engine/models/lora_pass.h"
#include "engine/models/model.h"

namespace plinth::engine {

class Attention {
 public:
  // All references outlive it. Buffers are for `rows_max` rows.
  Attention(const DecoderPlan& plan, const kernels::KernelTable& kernels, kernels::ThreadPool& pool,
            LoraPass& lora, int64_t rows_max);

  // Works out the turns of every row's position; before the first layer.
  void begin(std::span<const BatchRow> batch);
  // Writes the rows' keys and values into their sequences, and [rows][width] to out.
  void run(const AttentionPlan& layer, int64_t index, std::span<const BatchRow> batch,
           const float* normed, float* out);

  const KvShape& kv_shape() const { return kv_shape_; }
  // Floats of buffers for one row.
  static int64_t floats_per_row(const DecoderPlan& plan);

 private:
  const float* turns_of(int64_t row, size_t rope) const;
  void place(const AttentionPlan& layer, int64_t index, std::span<const BatchRow> batch);
  void norm_heads(const std::vector<float>& weight, int64_t count, float* heads) const;
  void look_back(const AttentionPlan& layer, int64_t index, std::span<const BatchRow> batch);
  void look_back_head(const AttentionPlan& layer, int64_t index, const BatchRow& row,
                      int64_t row_index, int64_t head);

  const DecoderPlan& plan_;
  const HeadShape& shape_;
  const kernels::KernelTable& kernels_;
  kernels::ThreadPool& pool_;
  LoraPass& lora_;
  KvShape kv_shape_;
  int64_t turns_length_ = 0;  // of all ropes, per row
  std::vector<float> query_, key_, value_, mixed_, turns_;
};

}  // namespace plinth::engine
