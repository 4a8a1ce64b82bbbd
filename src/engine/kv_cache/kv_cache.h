// SPDX-License-Identifier: Apache-2.0
// Keys and values of all sequences, in blocks of 16 tokens from bounded pools: one pool for layers
// that look at everything before a token, and one for each length of window, whose sequences give
// blocks back as they leave the window.
//
// Full blocks are in one tree by content (prefix_tree.h) from the moment that they are computed, so
// sequences that begin alike share them while all of them still run, also while the prompt is
// computed: whoever comes first computes a block, the others take it over. A full block never
// changes. Blocks of the tree that no sequence holds stay until their room is needed.
//
// What can be shared with a window: a start that ends where the window before it is still there,
// which is within the reach of a running sequence, at the end of a prompt and at the end of a
// reply.
//
// Blocks are numbers here; what is in them lies in the backend's KvMemory.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/kv_cache/kv_memory.h"
#include "engine/kv_cache/kv_plan.h"
#include "engine/kv_cache/prefix_tree.h"

namespace plinth::engine {

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
  uint64_t root_ = 0;
  std::vector<PrefixNode*> path_;  // of its first blocks, as far as they are in the tree
};

// One owner thread.
class KvCache {
 public:
  explicit KvCache(std::unique_ptr<KvMemory> memory);

  // Reserves room for tokens_max tokens in all and takes over what is cached of the prompt, always
  // less than the whole prompt. nullptr when the room is not there now. `variant` names what keys
  // and values depend on besides the tokens, such as adapters, and who may share them: only equal
  // ones share blocks.
  std::unique_ptr<KvSequence> start(const std::vector<Token>& prompt, int64_t tokens_max,
                                    const std::string& variant = {});
  // Whether start() would find room once `leaving` have ended.
  bool has_room(int64_t tokens_max, std::span<const KvSequence* const> leaving = {}) const;
  // Takes over what has come into the cache since: the blocks that follow position `computed` of a
  // prompt whose keys and values up to there are in place. Returns up to where they are now.
  int64_t adopt(KvSequence& sequence, std::span<const Token> prompt, int64_t computed);
  // Makes the blocks for positions `begin` to `end` - 1, which are computed next, within the
  // reservation, and gives back those that `begin` and later positions do not look at.
  void extend(KvSequence& sequence, int64_t begin, int64_t end);
  // Lets others share the full blocks of `tokens`, the sequence's first ones. Those from `begin` on
  // are computed in the iteration that is being formed; of the others, equal ones that came into
  // the tree by another sequence take the place of the sequence's own.
  void publish(KvSequence& sequence, std::span<const Token> tokens, int64_t begin);
  // Forgets the keys and values of positions from `tokens` on, none of which were published; the
  // reservation stays. `tokens` is not below the `begin` of an extend() that came before.
  void truncate(KvSequence& sequence, int64_t tokens);
  // Others may go on from where the sequence is now: the windows before it stay. What is computed
  // has been published.
  void keep(const KvSequence& sequence);
  // Ends a sequence and keeps its full blocks. `tokens` are those whose keys and values are
  // computed.
  void retire(std::unique_ptr<KvSequence> sequence, std::span<const Token> tokens);
  // Ends a sequence whose keys and values are not to be used again, as far as nobody else uses
  // them.
  void discard(std::unique_ptr<KvSequence> sequence);

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
    std::vector<int32_t> references;  // per block: sequences that hold it, and the tree
    std::vector<int32_t> free_blocks;
    int64_t reserved = 0;  // sum over running sequences; never above the total
  };

  std::vector<PrefixNode*> longest_start(uint64_t root, std::span<const Token> prompt);
  void follow(KvSequence& sequence, PrefixNode& node);
  void share(KvSequence& sequence, PrefixNode& node);
  void leave_window(KvSequence& sequence, int64_t position);
  void stop_using(PrefixNode& node, size_t pool);
  void end(KvSequence& sequence);
  int32_t take_block(size_t pool);
  void release_block(size_t pool, int32_t block);

  const std::unique_ptr<KvMemory> memory_;
  const KvPlan& plan_;  // the memory's
  std::vector<Pool> pools_;
  PrefixTree tree_;
  const PrefixTree::Release release_;
};

}  // namespace plinth::engine
