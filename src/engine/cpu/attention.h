// SPDX-License-Identifier: Apache-2.0
// Attention of a batch's rows to the keys and values of their own sequences.
#pragma once

#include <span>
#include <vector>

#include "engine/cpu/build_context.h"
#include "engine/cpu/host_kv.h"
#include "engine/cpu/look_back.h"
#include "engine/cpu/lora_pass.h"
#include "engine/cpu/products.h"
#include "engine/models/decoder_plan.h"

namespace plinth::engine::cpu {

KvShape kv_shape_of(const DecoderPlan& plan, KvFormat format);

class Attention {
 public:
  // All references outlive it. Buffers are for build.rows_max rows.
  Attention(const DecoderPlan& plan, const BuildContext& build, LoraPass& lora);

  // Works out the turns of every row's position; before the first layer. `kv` is the memory of the
  // rows' sequences.
  void begin(std::span<const BatchRow> batch, HostKv& kv);
  // Makes the rows' queries, and writes their keys and values into their sequences.
  void project(const AttentionPlan& layer, int64_t index, std::span<const BatchRow> batch,
               const Columns& x);
  // Only these rows (ascending) go on; the others have left their keys and values.
  void keep(std::span<const int64_t> rows);
  // Mixes the values that the rows that go on see: [rows][width] to out.
  void look_back(const AttentionPlan& layer, int64_t index, std::span<const BatchRow> batch,
                 float* out);

  const KvShape& kv_shape() const { return kv_shape_; }
  // Bytes of buffers for one row.
  static double bytes_per_row(const DecoderPlan& plan, Precision precision);

 private:
  const float* turns_of(int64_t row, size_t rope) const;
  void place(const AttentionPlan& layer, int64_t index, std::span<const BatchRow> batch);
  void place_row(const AttentionPlan& layer, int64_t index, const BatchRow& row, int64_t row_index);
  void norm_heads(const std::vector<float>& weight, int64_t count, float* heads) const;
  Columns round_mixed(int64_t rows);

  const DecoderPlan& plan_;
  const HeadShape& shape_;
  const kernels::KernelTable& kernels_;
  kernels::ThreadPool& pool_;
  LoraPass& lora_;
  LookBack look_back_;
  HostKv* kv_ = nullptr;  // of the batch
  KvShape kv_shape_;
  int64_t turns_length_ = 0;  // of all ropes, per row
  std::vector<float> query_, key_, value_, turns_;
  ColumnBuffer mixed_;
};

}  // namespace plinth::engine::cpu
