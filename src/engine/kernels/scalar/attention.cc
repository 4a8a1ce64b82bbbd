// SPDX-License-Identifier: Apache-2.0
// The reference: one row at a time, sums in double, values widened one by one.
#include "engine/kernels/attention/attention.h"

#include <algorithm>
#include <cmath>

namespace plinth::engine::kernels {
namespace {

double score(const AttentionChunk& chunk, const KvStore& store, const float* query, int64_t token) {
  const uint8_t* keys = chunk.keys[token / kBlockTokens];
  double sum = 0;
  for (int64_t i = 0; i < chunk.key_length; ++i) {
    sum += static_cast<double>(query[i]) *
           store.key_at(keys, chunk.key_length, token % kBlockTokens, i);
  }
  sum *= chunk.scale;
  return chunk.score_cap > 0 ? chunk.score_cap * std::tanh(sum / chunk.score_cap) : sum;
}

void attend_row(const AttentionChunk& chunk, const KvStore& store, int64_t row) {
  const int32_t begin = chunk.begin[row];
  const int32_t end = chunk.end[row];
  float weights[kChunkTokens];
  float largest = chunk.largest[row];
  for (int32_t token = begin; token < end; ++token) {
    weights[token] =
        static_cast<float>(score(chunk, store, chunk.queries + row * chunk.key_length, token));
    largest = std::max(largest, weights[token]);
  }
  const float correction = std::exp(chunk.largest[row] - largest);
  double sum = static_cast<double>(chunk.sums[row]) * correction;
  for (int32_t token = begin; token < end; ++token) {
    weights[token] = std::exp(weights[token] - largest);
    sum += weights[token];
  }
  float* mixed = chunk.mixed + row * attention_stride(chunk.value_length);
  for (int64_t i = 0; i < chunk.value_length; ++i) {
    double mix = static_cast<double>(mixed[i]) * correction;
    for (int32_t token = begin; token < end; ++token) {
      mix += static_cast<double>(weights[token]) *
             store.value_at(chunk.values[token / kBlockTokens], chunk.value_length,
                            token % kBlockTokens, i);
    }
    mixed[i] = static_cast<float>(mix);
  }
  chunk.largest[row] = largest;
  chunk.sums[row] = static_cast<float>(sum);
}

}  // namespace

int64_t attention_stride(int64_t value_length) { return (value_length + 15) / 16 * 16; }

int64_t attention_scratch(int64_t key_length, int64_t value_length) {
  return kChunkTokens * (key_length + attention_stride(value_length));
}

void attend_scalar(const AttentionChunk& chunk) {
  const KvStore& store = kv_store_of(chunk.format);
  for (int64_t row = 0; row < chunk.rows; ++row) attend_row(chunk, store, row);
}

}  // namespace plinth::engine::kernels
