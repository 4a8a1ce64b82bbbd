// SPDX-License-Identifier: Apache-2.0
// How much room keys and values take: the one place that says it, for the cache itself and for
// whoever asks before a model is loaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/kv_format.h"

namespace plinth::engine {

struct KvShape {
  KvFormat format = KvFormat::f32;
  int64_t kv_heads = 0;
  int64_t key_length = 0;    // of one head
  int64_t value_length = 0;  // of one head
  int64_t head_bytes = 0;    // of one head's keys and values in a block, as the backend lays it out
  // Per layer: a token looks at itself and the window - 1 tokens before it; 0: at all before it.
  std::vector<int64_t> windows;

  int64_t bytes_per_token() const;  // of all layers, as far as windows reach
};

struct KvRoom {
  int64_t context = 0;    // tokens of a sequence at most
  int64_t sequences = 1;  // at full length, as far as bytes_max goes; for one it must do
  int64_t rows_max = 1;   // tokens of one sequence computed together
  uint64_t bytes_max = UINT64_MAX;
};

// Layers with the same window have their blocks in one pool.
struct KvPool {
  int64_t window = 0;
  int64_t layers = 0;
  int64_t block_bytes = 0;
  int64_t sequence_blocks_max = 0;  // that a sequence holds at a time
  int64_t blocks = 0;

  // The first block that is needed to compute `position` and later ones: that of the window's first
  // token, seen from the beginning of the position's block.
  int64_t first_block(int64_t position) const;
  int64_t blocks_for(int64_t tokens) const;  // that a sequence of so many tokens holds at most
};

struct KvPlan {
  struct Place {
    size_t pool = 0;
    int64_t layer = 0;  // among those of the pool
  };
  KvShape shape;
  int64_t context = 0;        // tokens of a sequence at most
  std::vector<KvPool> pools;  // the one whose sequences hold most comes first
  std::vector<Place> places;  // per layer

  bool has_windows() const;
  // Of all pools; UINT64_MAX when that overflows.
  uint64_t bytes() const;
  // Whether 64 bits count the bytes, and 31 bits number the blocks of every pool.
  bool is_countable() const;
};

KvPlan plan_kv(const KvShape& shape, const KvRoom& room);

}  // namespace plinth::engine
