// SPDX-License-Identifier: Apache-2.0
// Every row is computed from its own token and its own sequence's keys and values, in an order that
// follows from its position alone.
#include "engine/cpu/attention.h"

#include <algorithm>

#include "engine/cpu/turns.h"

namespace plinth::engine::cpu {
namespace {

int64_t turns_length(const DecoderPlan& plan) {
  int64_t length = 0;
  for (const Rope& rope : plan.ropes) length += rope.length();
  return length;
}

}  // namespace

KvShape kv_shape_of(const DecoderPlan& plan, KvFormat format) {
  std::vector<int64_t> windows;
  for (const DecoderLayer& layer : plan.layers) windows.push_back(layer.attention.window);
  const HeadShape& shape = plan.shape;
  return kv_shape(format, shape.kv_heads, shape.key_length, shape.value_length, std::move(windows));
}

double Attention::bytes_per_row(const DecoderPlan& plan, Precision precision) {
  const HeadShape& s = plan.shape;
  const int64_t floats = s.heads * s.key_length + s.kv_heads * (s.key_length + s.value_length);
  return static_cast<double>(floats + turns_length(plan)) * sizeof(float) +
         static_cast<double>(s.heads * s.value_length) * ColumnBuffer::bytes_per_value(precision);
}

Attention::Attention(const DecoderPlan& plan, const BuildContext& build, LoraPass& lora)
    : plan_(plan),
      shape_(plan.shape),
      kernels_(build.kernels),
      pool_(build.pool),
      lora_(lora),
      look_back_(shape_, kernels_, pool_),
      mixed_(kernels_, build.precision, build.rows_max, shape_.heads * shape_.value_length) {
  kv_shape_ = kv_shape_of(plan, build.kv_format);
  turns_length_ = turns_length(plan);
  const auto rows_of_length = [&](int64_t length) {
    return std::vector<float>(static_cast<size_t>(build.rows_max * length));
  };
  query_ = rows_of_length(shape_.heads * shape_.key_length);
  key_ = rows_of_length(shape_.kv_heads * shape_.key_length);
  value_ = rows_of_length(shape_.kv_heads * shape_.value_length);
  turns_ = rows_of_length(turns_length_);
}

void Attention::begin(std::span<const BatchRow> batch, HostKv& kv) {
  kv_ = &kv;
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

void Attention::project(const AttentionPlan& layer, int64_t index, std::span<const BatchRow> batch,
                        const Columns& x) {
  const Product projections[] = {{&layer.query, x, query_.data()},
                                 {&layer.key, x, key_.data()},
                                 {&layer.value, x, value_.data()}};
  multiply(kernels_, pool_, projections);
  for (const Product& product : projections) {
    lora_.add(product.linear->weight, x.values, product.out);
  }
  place(layer, index, batch);
}

void Attention::keep(std::span<const int64_t> rows) {
  const int64_t length = shape_.heads * shape_.key_length;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto to = static_cast<int64_t>(i);
    if (rows[i] == to) continue;
    std::copy_n(query_.data() + rows[i] * length, length, query_.data() + to * length);
  }
}

void Attention::look_back(const AttentionPlan& layer, int64_t index,
                          std::span<const BatchRow> batch, float* out) {
  look_back_.run(layer, index, *kv_, batch, query_.data(),
                 mixed_.column(0, shape_.heads * shape_.value_length));
  const Product output{&layer.output, round_mixed(static_cast<int64_t>(batch.size())), out};
  multiply(kernels_, pool_, std::span(&output, 1));
  lora_.add(layer.output.weight, output.x.values, out);
}

Columns Attention::round_mixed(int64_t rows) {
  constexpr int64_t kRowsPerPiece = 8;
  const int64_t length = shape_.heads * shape_.value_length;
  pool_.run(rows, kRowsPerPiece, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) mixed_.round(row, length);
  });
  return mixed_.view(rows, length);
}

void Attention::norm_heads(const std::vector<float>& weight, int64_t count, float* heads) const {
  if (weight.empty()) return;
  for (int64_t head = 0; head < count; ++head) {
    float* values = heads + head * shape_.key_length;
    kernels_.rms_norm(values, weight.data(), plan_.epsilon, shape_.key_length, values);
  }
}

void Attention::place(const AttentionPlan& layer, int64_t index, std::span<const BatchRow> batch) {
  constexpr int64_t kRowsPerPiece = 8;
  pool_.run(static_cast<int64_t>(batch.size()), kRowsPerPiece, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      place_row(layer, index, batch[static_cast<size_t>(row)], row);
    }
  });
}

void Attention::place_row(const AttentionPlan& layer, int64_t index, const BatchRow& row,
                          int64_t row_index) {
  const Rope& rope = plan_.ropes[layer.rope];
  const float* turns = turns_of(row_index, layer.rope);
  float* query = query_.data() + row_index * shape_.heads * shape_.key_length;
  norm_heads(layer.query_norm, shape_.heads, query);
  turn_heads(kernels_, rope, turns, query, shape_.heads, shape_.key_length);
  float* key = key_.data() + row_index * shape_.kv_heads * shape_.key_length;
  norm_heads(layer.key_norm, shape_.kv_heads, key);
  turn_heads(kernels_, rope, turns, key, shape_.kv_heads, shape_.key_length);
  kv_->store(*row.sequence, index, row.position, key,
             value_.data() + row_index * shape_.kv_heads * shape_.value_length);
}

}  // namespace plinth::engine::cpu
