// SPDX-License-Identifier: Apache-2.0
// Flash-style attention (Dao et al. 2022): queries against one chunk of keys and values at a time,
// with a softmax that is corrected as larger scores turn up, so that scores never leave the cache.
//
// Invariant: what a chunk adds to a row depends on the row's query, state and range alone. Chunks
// begin at multiples of 64 positions, sums run over positions in order, and neither the rows beside
// it nor the blocks they look at change an operation.
//
// This header is included by files compiled with -m flags: no inline functions, no standard
// templates.
#pragma once

#include <cstdint>

#include "engine/kernels/attention/kv_store.h"

namespace plinth::engine::kernels {

constexpr int64_t kChunkBlocks = 4;
constexpr int64_t kChunkTokens = kChunkBlocks * kBlockTokens;

// Rows: query heads that share the keys and values of one head, of one token or several.
struct AttentionChunk {
  KvFormat format = KvFormat::f32;
  int64_t key_length = 0;
  int64_t value_length = 0;
  float scale = 1;      // of scores
  float score_cap = 0;  // scores become cap * tanh(score / cap); 0: none
  // One head's keys and values of each block; nullptr where no row looks.
  const uint8_t* keys[kChunkBlocks] = {};
  const uint8_t* values[kChunkBlocks] = {};
  int64_t rows = 0;
  const float* queries = nullptr;  // [rows][key_length]
  // The tokens of the chunk that each row sees: 0 <= begin < end <= 64.
  const int32_t* begin = nullptr;
  const int32_t* end = nullptr;
  // A row's state: its largest score so far, the sum of exp(score - largest), and the values
  // weighted by that, [rows][attention_stride(value_length)]. At first: -infinity, 0, zeros.
  float* largest = nullptr;
  float* sums = nullptr;
  float* mixed = nullptr;
  float* scratch = nullptr;  // attention_scratch(key_length, value_length) floats
};

int64_t attention_stride(int64_t value_length);
int64_t attention_scratch(int64_t key_length, int64_t value_length);

using Attend = void (*)(const AttentionChunk&);

// One per ISA level; the kernel tables name them.
void attend_scalar(const AttentionChunk& chunk);
#if defined(__x86_64__)
void attend_avx2(const AttentionChunk& chunk);
void attend_avx512(const AttentionChunk& chunk);
#endif

}  // namespace plinth::engine::kernels
