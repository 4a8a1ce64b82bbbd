// SPDX-License-Identifier: Apache-2.0
// What rows of a batch take over from the tokens before them: queries against the keys of their own
// sequences, and the values mixed by the scores.
#pragma once

#include <span>

#include "engine/models/decoder_plan.h"
#include "engine/models/model.h"

namespace plinth::engine {

class LookBack {
 public:
  // All references outlive it.
  LookBack(const HeadShape& shape, const kernels::KernelTable& kernels, kernels::ThreadPool& pool);

  // The keys and values of all rows are in place. queries: [rows][heads][key_length]; mixed:
  // [rows][heads][value_length].
  void run(const AttentionPlan& layer, int64_t index, std::span<const BatchRow> batch,
           const float* queries, float* mixed);

 private:
  void run_head(const AttentionPlan& layer, int64_t index, const BatchRow& row, int64_t head,
                const float* query, float* out) const;

  const HeadShape& shape_;
  const kernels::KernelTable& kernels_;
  kernels::ThreadPool& pool_;
};

}  // namespace plinth::engine
