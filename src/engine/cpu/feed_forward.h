// SPDX-License-Identifier: Apache-2.0
// The feed-forward part of a layer, dense or of experts.
#pragma once

#include <span>
#include <vector>

#include "engine/cpu/build_context.h"
#include "engine/cpu/lora_pass.h"
#include "engine/cpu/products.h"
#include "engine/models/decoder_plan.h"

namespace plinth::engine::cpu {

class FeedForward {
 public:
  // All references outlive it. Buffers are for build.rows_max rows.
  FeedForward(const DecoderPlan& plan, const BuildContext& build, LoraPass& lora);

  // [x.count][width] to out.
  void run(const FeedForwardPlan& layer, const Columns& x, float* out);
  void run(const ExpertsPlan& layer, const Columns& x, float* out);

  // Bytes of buffers for one row.
  static double bytes_per_row(const DecoderPlan& plan, Precision precision);

 private:
  // One of the experts that a row uses.
  struct Use {
    int64_t expert = 0;
    float weight = 0;
    int64_t place = 0;  // of the row among all uses, grouped by expert
  };

  void run_with_adapters(const FeedForwardPlan& layer, const Columns& x);
  void choose(const ExpertsPlan& layer, const float* scores, std::span<Use> uses) const;
  void group(const ExpertsPlan& layer, const Columns& x);
  void compute_experts(const ExpertsPlan& layer);
  void add_up(const ExpertsPlan& layer, int64_t rows, float* out);

  const int64_t width_;
  const kernels::KernelTable& kernels_;
  kernels::ThreadPool& pool_;
  LoraPass& lora_;
  ColumnBuffer inner_;            // gated values
  std::vector<float> gate_, up_;  // of batches with adapters
  // Of experts: router scores [rows][experts], the rows' copies grouped by expert and their results
  // [rows * used][width].
  std::vector<float> scores_;
  ColumnBuffer grouped_;
  std::vector<float> results_;
  std::vector<Use> uses_;       // [rows][used], best first
  std::vector<int64_t> begin_;  // per expert its first place, and the end
  std::vector<GatedProduct> gated_;
  std::vector<Product> down_;
};

}  // namespace plinth::engine::cpu
