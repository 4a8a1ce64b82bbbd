// SPDX-License-Identifier: Apache-2.0
// Every row is computed from its own query and its own sequence's keys and values, in an order that
// follows from its position alone.
#include "engine/models/look_back.h"

#include <algorithm>
#include <vector>

namespace plinth::engine {
namespace {

// The first position that the token at `position` sees.
int64_t first_seen(const AttentionPlan& layer, int64_t position) {
  return layer.window == 0 ? 0 : std::max(int64_t{0}, position - layer.window + 1);
}

}  // namespace

LookBack::LookBack(const HeadShape& shape, const kernels::KernelTable& kernels,
                   kernels::ThreadPool& pool)
    : shape_(shape), kernels_(kernels), pool_(pool) {}

void LookBack::run(const AttentionPlan& layer, int64_t index, std::span<const BatchRow> batch,
                   const float* queries, float* mixed) {
  constexpr int64_t kProductsPerPieceMin = 64 << 10;
  const auto tasks = static_cast<int64_t>(batch.size()) * shape_.heads;
  int64_t products = 0;
  for (const BatchRow& row : batch) {
    const int64_t seen = row.position + 1 - first_seen(layer, row.position);
    products += seen * shape_.heads * (shape_.key_length + shape_.value_length);
  }
  const int64_t piece = std::max(int64_t{1}, kProductsPerPieceMin * tasks / products);
  pool_.run(tasks, piece, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      run_head(layer, index, batch[static_cast<size_t>(task / shape_.heads)], task % shape_.heads,
               queries + task * shape_.key_length, mixed + task * shape_.value_length);
    }
  });
}

void LookBack::run_head(const AttentionPlan& layer, int64_t index, const BatchRow& row,
                        int64_t head, const float* query, float* out) const {
  // One buffer per thread, as long as the longest context it has seen, and a sink.
  thread_local std::vector<float> scores;
  const int64_t key_width = shape_.kv_heads * shape_.key_length;
  const int64_t value_width = shape_.kv_heads * shape_.value_length;
  const int64_t first = first_seen(layer, row.position);
  const int64_t end = row.position + 1;
  const int64_t count = end - first;
  scores.resize(std::max(scores.size(), static_cast<size_t>(count + 1)));
  const int64_t kv_head = head / (shape_.heads / shape_.kv_heads);
  const auto block_end = [&](int64_t at) {
    return std::min(end, (at / kBlockTokens + 1) * kBlockTokens);
  };
  for (int64_t at = first; at < end; at = block_end(at)) {
    const float* keys = row.sequence->key_block(index, at / kBlockTokens) +
                        at % kBlockTokens * key_width + kv_head * shape_.key_length;
    kernels_.attention_scores(query, keys, key_width, block_end(at) - at, shape_.key_length,
                              shape_.scale, scores.data() + (at - first));
  }
  if (shape_.score_cap > 0) kernels_.soft_cap(scores.data(), shape_.score_cap, count);
  const bool has_sink = !layer.sinks.empty();
  if (has_sink) scores[static_cast<size_t>(count)] = layer.sinks[static_cast<size_t>(head)];
  kernels_.softmax(scores.data(), count + (has_sink ? 1 : 0));
  std::fill_n(out, shape_.value_length, 0.0f);
  for (int64_t at = first; at < end; at = block_end(at)) {
    const float* values = row.sequence->value_block(index, at / kBlockTokens) +
                          at % kBlockTokens * value_width + kv_head * shape_.value_length;
    kernels_.attention_mix(scores.data() + (at - first), values, value_width, block_end(at) - at,
                           shape_.value_length, out);
  }
}

}  // namespace plinth::engine
