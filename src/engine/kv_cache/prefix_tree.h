// SPDX-License-Identifier: Apache-2.0
// What is in the cache, by content: one node a block of tokens, below the node of the block before
// it. Nodes are found by the hash of everything from the beginning up to their end, so that a
// prompt walks down its own path whoever computed it.
//
// A node names its block in every pool, as far as it is kept there. Blocks are given up by worth
// (greedy dual size frequency, Cherkasova 1998): what a block would cost to compute again, times
// how often it was wanted, above an age that rises with what was given up before. Of a pool that
// looks at everything, only ends of paths are given up, since a path without its beginning is of no
// use.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"
#include "engine/kv_cache/kv_plan.h"

namespace plinth::engine {

inline constexpr int32_t kNoBlock = -1;

using BlockTokens = std::array<Token, kBlockTokens>;

struct PrefixNode {
  uint64_t hash = 0;  // of the variant and all tokens up to the end of this block
  PrefixNode* parent = nullptr;
  BlockTokens tokens{};
  int64_t index = 0;            // of the block in its sequence
  std::vector<int32_t> blocks;  // per pool; kNoBlock: not kept there
  std::vector<int32_t> users;   // per pool: sequences that look at its block
  int64_t children = 0;
  int64_t holders = 0;  // sequences whose path it is on
  int64_t uses = 0;
  double worth = 0;
  bool is_kept = false;  // others may want to go on behind it: its blocks of windows stay
};

class PrefixTree {
 public:
  // `release` is called with a pool and a block that the tree held and lets go.
  using Release = std::function<void(size_t pool, int32_t block)>;

  explicit PrefixTree(const KvPlan& plan) : plan_(plan), evictable_(plan.pools.size()) {}

  // Where paths of this variant begin.
  static uint64_t root_of(const std::string& variant);

  // The node of these tokens below `parent` (nullptr: at the root); nullptr: none.
  PrefixNode* find(uint64_t root, PrefixNode* parent, std::span<const Token> tokens);
  // Adds one that is not there yet, without blocks. nullptr: its place in the table is taken by
  // other tokens of the same hash.
  PrefixNode* add(uint64_t root, PrefixNode* parent, std::span<const Token> tokens);

  void touch(PrefixNode& node);  // it was wanted once more
  // Every change of blocks, users and holders stands between these two.
  void take_out(PrefixNode& node);
  void put_in(PrefixNode& node);
  // Forgets a node that has no children and no holders.
  void remove(PrefixNode& node, const Release& release);

  // Gives up the block of this pool that is worth least, and nodes that are of no use without it.
  // False: every block is in use.
  bool evict(size_t pool, const Release& release);

  size_t size() const { return nodes_.size(); }

 private:
  using Order = std::set<std::pair<double, PrefixNode*>>;

  static uint64_t hash_of(uint64_t root, const PrefixNode* parent, const BlockTokens& tokens);
  bool is_evictable(const PrefixNode& node, size_t pool) const;
  double cost_of(const PrefixNode& node) const;

  const KvPlan& plan_;
  std::unordered_map<uint64_t, std::unique_ptr<PrefixNode>> nodes_;
  std::vector<Order> evictable_;  // per pool, by worth
  double age_ = 0;                // the worth of what was given up last
};

}  // namespace plinth::engine
