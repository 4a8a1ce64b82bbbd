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

}  // namespace

KvShape kv_shape_of(const DecoderPlan& plan, KvFormat format) {
  KvShape shape{format, plan.shape.kv_heads, plan.shape.key_length, plan.shape.value_length, {}};
  for (const DecoderLayer& layer : plan.layers) shape.windows.push_back(layer.attention.window);
  return shape;
}

int64_t Attention::floats_per_row(const DecoderPlan& plan) {
  const HeadShape& s = plan.shape;
  return (s.heads + s.kv_heads) * (s.key_length + s.value_length) + turns_length(plan);
}

Attention::Attention(const DecoderPlan& plan, const kernels::KernelTable& kernels,
                     kernels::ThreadPool& pool, int64_t rows_max, KvFormat kv_format)
    : plan_(plan),
      shape_(plan.shape),
      kernels_(kernels),
      pool_(pool),
      look_back_(shape_, kernels, pool) {
  kv_shape_ = kv_shape_of(plan, kv_format);
  turns_length_ = turns_length(plan);
  const auto rows_of_length = [&](int64_t length) {
    return std::vector<float>(static_cast<size_t>(rows_max * length));
  };
  query_ = rows_of_length(shape_.heads * shape_.key_length);
  key_ = rows_of_length(shape_.kv_heads * shape_.key_length);
  value_ = rows_of_length(shape_.kv_heads * shape_.value_length);
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
  // All keys and values of the batch are in place before any row looks back at them.
  place(layer, index, batch);
  look_back_.run(layer, index, kv_shape_.format, batch, query_.data(), mixed_.data());
  apply(kernels_, pool_, layer.output, mixed_.data(), rows, out);
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
    float* key = key_.data() + row * shape_.kv_heads * shape_.key_length;
    norm_heads(layer.key_norm, shape_.kv_heads, key);
    turn_heads(kernels_, rope, turns, key, shape_.kv_heads, shape_.key_length);
    batch[i].sequence->store(index, batch[i].position, key,
                             value_.data() + row * shape_.kv_heads * shape_.value_length);
  }
}

}  // namespace plinth::engine
