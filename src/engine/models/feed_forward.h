// SPDX-License-Identifier: Apache-2.0
// The feed-forward part of a layer, dense or of experts.
#pragma once

#include <span>
#include <vector>

#include "engine/models/decoder_plan.h"
#include "engine/models/lora_pass.h"

namespace plinth::engine {

// gate[i] = gating(gate[i], up[i]) for whole rows; rows are shared among threads.
void gate_rows(const kernels::KernelTable& kernels, kernels::ThreadPool& pool, Gating gating,
               float* gate, const float* up, int64_t rows, int64_t length);

class FeedForward {
 public:
  // All references outlive it. Buffers are for `rows_max` rows.
  FeedForward(const DecoderPlan& plan, const kernels::KernelTable& kernels,
              kernels::ThreadPool& pool, LoraPass& lora, int64_t rows_max);

  // [rows][width] to out.
  void run(const FeedForwardPlan& layer, const float* normed, int64_t rows, float* out);
  void run(const ExpertsPlan& layer, const float* normed, int64_t rows, float* out);

  // Floats of buffers for one row.
  static int64_t floats_per_row(const DecoderPlan& plan);

 private:
  // One of the experts that a row uses.
  struct Use {
    int64_t expert = 0;
    float weight = 0;
    int64_t place = 0;  // of the row among all uses, grouped by expert
  };

  void choose(const ExpertsPlan& layer, const float* scores, std::span<Use> uses) const;
  void group(const ExpertsPlan& layer, const float* normed, int64_t rows);
  void compute_experts(const ExpertsPlan& layer);

  const int64_t width_;
  const kernels::KernelTable& kernels_;
  kernels::ThreadPool& pool_;
  LoraPass& lora_;
  std::vector<float> gate_, up_;
  // Of experts: router scores [rows][experts], the rows' copies grouped by expert and their results
  // [rows * used][width].
  std::vector<float> scores_, grouped_, results_;
  std::vector<Use> uses_;       // [rows][used], best first
  std::vector<int64_t> begin_;  // per expert its first place, and the end
};

}  // namespace plinth::engine
