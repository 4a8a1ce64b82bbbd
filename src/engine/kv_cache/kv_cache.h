// SPDX-License-Identifier: Apache-2.0
// Keys and values of all sequences, F32, in blocks of 16 tokens from one bounded pool. Blocks of
// finished sequences stay until their room is needed: a new sequence whose prompt begins alike
// shares them. A block is shared only when it is full, and a full block never changes.
//
// Layout of a block: for each layer, keys [16][key_width], then values [16][value_width].
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace plinth::engine {

inline constexpr int64_t kBlockTokens = 16;
inline constexpr size_t kRetainedMax = 32;  // finished sequences whose blocks are kept

struct KvShape {
  int64_t layers = 0;
  int64_t key_width = 0;  // floats of one token's keys in one layer
  int64_t value_width = 0;
  int64_t bytes_per_token() const {
    return layers * (key_width + value_width) * static_cast<int64_t>(sizeof(float));
  }
};

class KvCache;

// The blocks of one sequence. Returns them when destroyed; KvCache must outlive it.
class KvSequence {
 public:
  ~KvSequence();
  KvSequence(const KvSequence&) = delete;
  KvSequence& operator=(const KvSequence&) = delete;

  // Keys and values of `position` in `layer`; its block must exist (KvCache::extend).
  float* key(int64_t layer, int64_t position);
  float* value(int64_t layer, int64_t position);
  // The first token of block `index`: kBlockTokens rows follow, each key_width (value_width)
  // floats.
  const float* key_block(int64_t layer, int64_t index) const;
  const float* value_block(int64_t layer, int64_t index) const;

  int64_t cached_tokens() const { return cached_tokens_; }

 private:
  friend class KvCache;
  KvSequence(KvCache& cache, int64_t reserved_blocks)
      : cache_(cache), reserved_blocks_(reserved_blocks) {}

  KvCache& cache_;
  int64_t reserved_blocks_;
  int64_t cached_tokens_ = 0;  // of the prompt, found in the cache
  std::string variant_;
  std::vector<int32_t> blocks_;
};

// One owner thread.
class KvCache {
 public:
  // `blocks` is the size of the pool; RAM is taken as blocks are first written.
  // Errors: too_large (the pool's size overflows or cannot be had).
  static Result<std::unique_ptr<KvCache>> create(const KvShape& shape, int64_t blocks);
  ~KvCache();

  static int64_t blocks_for(int64_t tokens) { return (tokens + kBlockTokens - 1) / kBlockTokens; }

  // Reserves room for tokens_max tokens in all and takes over what is cached of the prompt, always
  // less than the whole prompt. nullptr when the room is not there now. `variant` names what keys
  // and values depend on besides the tokens, such as adapters: only equal ones share blocks.
  std::unique_ptr<KvSequence> start(const std::vector<Token>& prompt, int64_t tokens_max,
                                    std::string variant = {});
  // Makes the blocks for positions below `tokens`, within the reservation.
  void extend(KvSequence& sequence, int64_t tokens);
  // Forgets the keys and values of positions from `tokens` on, none of which were found cached; the
  // reservation stays.
  void truncate(KvSequence& sequence, int64_t tokens);
  // Ends a sequence and keeps its full blocks; `tokens` are those whose keys and values are
  // computed.
  void retire(std::unique_ptr<KvSequence> sequence, std::vector<Token> tokens);

  int64_t blocks_total() const { return static_cast<int64_t>(references_.size()); }
  int64_t blocks_reserved() const { return reserved_blocks_; }
  int64_t blocks_used() const { return blocks_total() - static_cast<int64_t>(free_blocks_.size()); }
  const KvShape& shape() const { return shape_; }

 private:
  friend class KvSequence;
  struct Retained {
    std::string variant;
    std::vector<Token> tokens;  // a multiple of kBlockTokens
    std::vector<int32_t> blocks;
  };

  explicit KvCache(const KvShape& shape);
  int64_t block_floats() const {
    return shape_.layers * kBlockTokens * (shape_.key_width + shape_.value_width);
  }
  float* keys_at(int32_t block, int64_t layer) const;
  float* values_at(int32_t block, int64_t layer) const;
  int32_t take_block();
  void release_block(int32_t block);
  void drop_oldest();

  KvShape shape_;
  float* pool_ = nullptr;
  size_t pool_bytes_ = 0;
  std::vector<int32_t> references_;  // per block: sequences and retained entries that hold it
  std::vector<int32_t> free_blocks_;
  std::deque<Retained> retained_;  // least recently used first
  int64_t reserved_blocks_ = 0;    // sum over running sequences; never above the total
};

}  // namespace plinth::engine
