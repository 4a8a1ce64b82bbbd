// SPDX-License-Identifier: Apache-2.0
// Every row is computed from its own token and its own sequence's keys and values, in an order that
// follows from its position alone.
#include "engine/models/attention.h"

#include <algorithm>

namespace plinth::engine {
namespace {

int64_t turns_length(const DecoderPlan& plan) {
  int64_t length = 0;
  for (const Rope& rope : plan.ropes) length += rope.length();
  return length;
}

// The first position that the token at `position` sees.
int64_t first_seen(const AttentionPlan& layer, int64_t position) {
  return layer.window == 0 ? 0 : std::max(int64_t{0}, position - layer.window + 1);
}

}  // namespace

int64_t Attention::floats_per_row(const DecoderPlan& plan) {
  const HeadShape& s = plan.shape;
  return (s.heads + s.kv_heads) * (s.key_length + s.value_length) + turns_length(plan);
}

Attention::Attention(const DecoderPlan& plan, const kernels::KernelTable& kernels,
                     kernels::ThreadPool& pool, LoraPass& lora, int64_t rows_max)
    : plan_(plan), shape_(plan.shape), kernels_(kernels), pool_(pool), lora_(lora) {
  kv_shape_ = {static_cast<int64_t>(plan.layers.size()), shape_.kv_heads * shape_.key_length,
               shape_.kv_heads * shape_.value_length};
  turns_length_ = turns_length(plan);
  const auto rows_of_length = [&](int64_t length) {
    return std::vector<float>(static_cast<size_t>(rows_max * length));
  };
  query_ = rows_of_length(shape_.heads * shape_.key_length);
  key_ = rows_of_length(kv_shape_.key_width);
  value_ = rows_of_length(kv_shape_.value_width);
  mixed_ = rows_of_length(shape_.heads * shape_.value_length);
  turns_ = rows_of_length(turns_length_);
}

void Attention::begin(std::span<const BatchRow> batch) {
  float* turns = turns_.data();
  for (const BatchRow& row : batch) {
    for (const Rope& rope : plan_.ropes) {
      fill_turns(rope, row.position, turns);
      turns += rope.length();
    }
  }
}

const float* Attention::turns_of(int64_t row, size_t rope) const {
  const float* turns = turns_.data() + row * turns_length_;
  for (size_t i = 0; i < rope; ++i) turns += plan_.ropes[i].length();
  return turns;
}

void Attention::run(const AttentionPlan& layer, int64_t index, std::span<const BatchRow> batch,
                    const float* normed, float* out) {
  const auto rows = static_cast<int64_t>(batch.size());
  apply(kernels_, pool_, layer.query, normed, rows, query_.data());
  apply(kernels_, pool_, layer.key, normed, rows, key_.data());
  apply(kernels_, pool_, layer.value, normed, rows, value_.data());
  lora_.add(layer.query.weight, normed, query_.data(), layer.query.weight.rows);
  lora_.add(layer.key.weight, normed, key_.data(), layer.key.weight.rows);
  lora_.add(layer.value.weight, normed, value_.data(), layer.value.weight.rows);
  // All keys and values of the batch are in place before any row looks back at them.
  place(layer, index, batch);
  look_back(layer, index, batch);
  apply(kernels_, pool_, layer.output, mixed_.data(), rows, out);
  lora_.add(layer.output.weight, mixed_.data(), out, layer.output.weight.rows);
}

void Attention::norm_heads(const std::vector<float>& weight, int64_t count, float* heads) const {
  if (weight.empty()) return;
  for (int64_t head = 0; head < count; ++head) {
    float* values = heads + head * shape_.key_length;
    kernels_.rms_norm(values, weight.data(), plan_.epsilon, shape_.key_length, values);
  }
}

void Attention::place(const AttentionPlan& layer, int64_t index, std::span<const BatchRow> batch) {
  const Rope& rope = plan_.ropes[layer.rope];
  for (size_t i = 0; i < batch.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    const float* turns = turns_of(row, layer.rope);
    float* query = query_.data() + row * shape_.heads * shape_.key_length;
    norm_heads(layer.query_norm, shape_.heads, query);
    turn_heads(kernels_, rope, turns, query, shape_.heads, shape_.key_length);
    float* key = batch[i].sequence->key(index, batch[i].position);
    std::copy_n(key_.data() + row * kv_shape_.key_width, kv_shape_.key_width, key);
    norm_heads(layer.key_norm, shape_.kv_heads, key);
    turn_heads(kernels_, rope, turns, key, shape_.kv_heads, shape_.key_length);
    std::copy_n(value_.data() + row * kv_shape_.value_width, kv_shape_.value_width,
                batch[i].sequence->value(index, batch[i].position));
  }
}

void Attention::look_back(const AttentionPlan& layer, int64_t index,
                          std::span<const BatchRow> batch) {
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
      const int64_t row = task / shape_.heads;
      look_back_head(layer, index, batch[static_cast<size_t>(row)], row, task % shape_.heads);
    }
  });
}

void Attention::look_back_head(const AttentionPlan& layer, int64_t index, const BatchRow& row,
                               int64_t row_index, int64_t head) {
  // One buffer per thread, as long as the longest context it has seen, and a sink.
  thread_local std::vector<float> scores;
  const int64_t first = first_seen(layer, row.position);
  const int64_t end = row.position + 1;
  const int64_t count = end - first;
  scores.resize(std::max(scores.size(), static_cast<size_t>(count + 1)));
  const int64_t kv_head = head / (shape_.heads / shape_.kv_heads);
  const float* query = query_.data() + (row_index * shape_.heads + head) * shape_.key_length;
  const auto block_end = [&](int64_t at) {
    return std::min(end, (at / kBlockTokens + 1) * kBlockTokens);
  };
  for (int64_t at = first; at < end; at = block_end(at)) {
    const float* keys = row.sequence->key_block(index, at / kBlockTokens) +
                        at % kBlockTokens * kv_shape_.key_width + kv_head * shape_.key_length;
    kernels_.attention_scores(query, keys, kv_shape_.key_width, block_end(at) - at,
                              shape_.key_length, shape_.scale, scores.data() + (at - first));
  }
  if (shape_.score_cap > 0) kernels_.soft_cap(scores.data(), shape_.score_cap, count);
  const bool has_sink = !layer.sinks.empty();
  if (has_sink) scores[static_cast<size_t>(count)] = layer.sinks[static_cast<size_t>(head)];
  kernels_.softmax(scores.data(), count + (has_sink ? 1 : 0));
  float* out = mixed_.data() + (row_index * shape_.heads + head) * shape_.value_length;
  std::fill_n(out, shape_.value_length, 0.0f);
  for (int64_t at = first; at < end; at = block_end(at)) {
    const float* values = row.sequence->value_block(index, at / kBlockTokens) +
                          at % kBlockTokens * kv_shape_.value_width + kv_head * shape_.value_length;
    kernels_.attention_mix(scores.data() + (at - first), values, kv_shape_.value_width,
                           block_end(at) - at, shape_.value_length, out);
  }
}

}  // namespace plinth::engine
