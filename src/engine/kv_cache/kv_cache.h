// SPDX-License-Identifier: Apache-2.0
// Keys and values of all sequences, in blocks of 16 tokens from bounded pools: one pool for layers
// that look at everything before a token, and one for each length of window, whose sequences give
// blocks back as they leave the window. Blocks of finished sequences stay until their room is
// needed: a new sequence whose prompt begins alike shares them. A block is shared only when it is
// full, and a full block never changes.
//
// What can be shared with a window: a start that ends where the finished sequence still had its
// window, which is at the end of its prompt and at the end of its reply.
//
// Blocks are numbers here; what is in them lies in the backend's KvMemory.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/kv_cache/kv_memory.h"
#include "engine/kv_cache/kv_plan.h"

namespace plinth::engine {

inline constexpr size_t kRetainedMax = 32;  // starts of finished sequences that are kept

class KvCache;

// Consecutive blocks of one pool.
struct KvBlocks {
  int64_t first = 0;  // the index of the first of them in the sequence
  std::vector<int32_t> blocks;
  int64_t end() const { return first + static_cast<int64_t>(blocks.size()); }
};

// The blocks of one sequence. Returns them when destroyed; KvCache must outlive it.
class KvSequence {
 public:
  ~KvSequence();
  KvSequence(const KvSequence&) = delete;
  KvSequence& operator=(const KvSequence&) = delete;

  // The number, within its pool, of the sequence's block `index`, which must exist
  // (KvCache::extend) and not have left the window.
  int32_t block(size_t pool, int64_t index) const {
    const KvBlocks& held = held_[pool];
    return held.blocks[static_cast<size_t>(index - held.first)];
  }

  int64_t cached_tokens() const { return cached_tokens_; }

 private:
  friend class KvCache;
  explicit KvSequence(KvCache& cache) : cache_(cache) {}

  KvCache& cache_;
  std::vector<int64_t> reserved_;  // blocks, per pool
  std::vector<KvBlocks> held_;     // per pool
  int64_t cached_tokens_ = 0;      // of the prompt, found in the cache
  std::string variant_;
};

// One owner thread.
class KvCache {
 public:
  explicit KvCache(std::unique_ptr<KvMemory> memory);

  // Reserves room for tokens_max tokens in all and takes over what is cached of the prompt, always
  // less than the whole prompt. nullptr when the room is not there now. `variant` names what keys
  // and values depend on besides the tokens, such as adapters: only equal ones share blocks.
  std::unique_ptr<KvSequence> start(const std::vector<Token>& prompt, int64_t tokens_max,
                                    std::string variant = {});
  // Makes the blocks for positions `begin` to `end` - 1, which are computed next, within the
  // reservation, and gives back those that `begin` and later positions do not look at.
  void extend(KvSequence& sequence, int64_t begin, int64_t end);
  // Forgets the keys and values of positions from `tokens` on, none of which were found cached; the
  // reservation stays. `tokens` is not below the `begin` of an extend() that came before.
  void truncate(KvSequence& sequence, int64_t tokens);
  // Keeps the full blocks of a sequence that goes on and is about to move its windows; without
  // windows there is nothing to do. `tokens` are those whose keys and values are computed.
  void keep(const KvSequence& sequence, std::vector<Token> tokens);
  // Ends a sequence and keeps its full blocks.
  void retire(std::unique_ptr<KvSequence> sequence, std::vector<Token> tokens);

  // Of the pool whose sequences hold most.
  int64_t blocks_total() const { return plan_.pools.front().blocks; }
  int64_t blocks_reserved() const { return pools_.front().reserved; }
  int64_t blocks_used() const;  // of all pools
  uint64_t bytes() const { return plan_.bytes(); }
  KvMemory& memory() { return *memory_; }
  const KvShape& shape() const { return plan_.shape; }

 private:
  friend class KvSequence;
  struct Pool {
    std::vector<int32_t> references;  // per block: sequences and retained entries that hold it
    std::vector<int32_t> free_blocks;
    int64_t reserved = 0;  // sum over running sequences; never above the total
  };
  struct Retained {
    std::string variant;
    std::vector<Token> tokens;   // a multiple of kBlockTokens
    std::vector<KvBlocks> held;  // per pool
  };

  bool is_shared_at(const Retained& entry, int64_t blocks) const;
  void retain(const KvSequence& sequence, std::vector<Token> tokens);
  int32_t take_block(size_t pool);
  void release_block(size_t pool, int32_t block);
  void drop_oldest();

  const std::unique_ptr<KvMemory> memory_;
  const KvPlan& plan_;  // the memory's
  std::vector<Pool> pools_;
  std::deque<Retained> retained_;  // least recently used first
};

}  // namespace plinth::engine
