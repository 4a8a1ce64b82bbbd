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

double Attention::bytes_per_row(const DecoderPlan& plan, Precision precision) {
  const HeadShape& s = plan.shape;
  const int64_t floats = s.heads * s.key_length + s.kv_heads * (s.key_length + s.value_length);
  return static_cast<double>(floats + turns_length(plan)) * sizeof(float) +
         static_cast<double>(s.heads * s.value_length) * ColumnBuffer::bytes_per_value(precision);
}

Attention::Attention(const DecoderPlan& plan, const BuildOptions& options)
    : plan_(plan),
      shape_(plan.shape),
      kernels_(options.kernels),
      pool_(options.pool),
      mixed_(kernels_, options.precision, options.rows_max, shape_.heads * shape_.value_length) {
  kv_shape_ = {static_cast<int64_t>(plan.layers.size()), shape_.kv_heads * shape_.key_length,
               shape_.kv_heads * shape_.value_length};
  turns_length_ = turns_length(plan);
  const auto rows_of_length = [&](int64_t length) {
    return std::vector<float>(static_cast<size_t>(options.rows_max * length));
  };
  query_ = rows_of_length(shape_.heads * shape_.key_length);
  key_ = rows_of_length(kv_shape_.key_width);
  value_ = rows_of_length(kv_shape_.value_width);
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
                    const Columns& x, float* out) {
  const Product projections[] = {{&layer.query, x, query_.data()},
                                 {&layer.key, x, key_.data()},
                                 {&layer.value, x, value_.data()}};
  multiply(kernels_, pool_, projections);
  // All keys and values of the batch are in place before any row looks back at them.
  place(layer, index, batch);
  look_back(layer, index, batch);
  const Product output{&layer.output, round_mixed(x.count), out};
  multiply(kernels_, pool_, std::span(&output, 1));
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
  float* key = row.sequence->key(index, row.position);
  std::copy_n(key_.data() + row_index * kv_shape_.key_width, kv_shape_.key_width, key);
  norm_heads(layer.key_norm, shape_.kv_heads, key);
  turn_heads(kernels_, rope, turns, key, shape_.kv_heads, shape_.key_length);
  std::copy_n(value_.data() + row_index * kv_shape_.value_width, kv_shape_.value_width,
              row.sequence->value(index, row.position));
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
  float* out =
      mixed_.column(row_index, shape_.heads * shape_.value_length) + head * shape_.value_length;
  std::fill_n(out, shape_.value_length, 0.0f);
  for (int64_t at = first; at < end; at = block_end(at)) {
    const float* values = row.sequence->value_block(index, at / kBlockTokens) +
                          at % kBlockTokens * kv_shape_.value_width + kv_head * shape_.value_length;
    kernels_.attention_mix(scores.data() + (at - first), values, kv_shape_.value_width,
                           block_end(at) - at, shape_.value_length, out);
  }
}

}  // namespace plinth::engine
