// SPDX-License-Identifier: Apache-2.0
#include "engine/kv_cache/prefix_tree.h"

#include <algorithm>
#include <string_view>

#include "base/check.h"
#include "base/hash.h"

namespace plinth::engine {

uint64_t PrefixTree::root_of(const std::string& variant) { return hash64(variant); }

uint64_t PrefixTree::hash_of(uint64_t root, const PrefixNode* parent, const BlockTokens& tokens) {
  const auto* bytes = reinterpret_cast<const char*>(tokens.data());
  return hash64({bytes, sizeof(tokens)}, parent ? parent->hash : root);
}

PrefixNode* PrefixTree::find(uint64_t root, PrefixNode* parent, std::span<const Token> tokens) {
  BlockTokens block;
  std::copy_n(tokens.begin(), kBlockTokens, block.begin());
  const auto found = nodes_.find(hash_of(root, parent, block));
  if (found == nodes_.end()) return nullptr;
  PrefixNode* node = found->second.get();
  return node->parent == parent && node->tokens == block ? node : nullptr;
}

PrefixNode* PrefixTree::add(uint64_t root, PrefixNode* parent, std::span<const Token> tokens) {
  auto node = std::make_unique<PrefixNode>();
  std::copy_n(tokens.begin(), kBlockTokens, node->tokens.begin());
  node->hash = hash_of(root, parent, node->tokens);
  node->parent = parent;
  node->index = parent ? parent->index + 1 : 0;
  node->blocks.assign(plan_.pools.size(), kNoBlock);
  node->users.assign(plan_.pools.size(), 0);
  node->uses = 1;
  node->worth = age_ + cost_of(*node);
  PrefixNode* added = node.get();
  if (!nodes_.emplace(added->hash, std::move(node)).second) return nullptr;
  if (parent) {
    take_out(*parent);
    ++parent->children;
    put_in(*parent);
  }
  return added;
}

// In units of a block at the beginning: products with the weights are the same everywhere, scores
// grow with what stands before.
double PrefixTree::cost_of(const PrefixNode& node) const {
  constexpr double kPositionsThatCostAsMuchAsWeights = 4096;
  return 1 + static_cast<double>(node.index * kBlockTokens) / kPositionsThatCostAsMuchAsWeights;
}

bool PrefixTree::is_evictable(const PrefixNode& node, size_t pool) const {
  if (node.blocks[pool] == kNoBlock || node.users[pool] > 0) return false;
  return plan_.pools[pool].window > 0 || (node.children == 0 && node.holders == 0);
}

void PrefixTree::take_out(PrefixNode& node) {
  for (Order& order : evictable_) order.erase({node.worth, &node});
}

void PrefixTree::put_in(PrefixNode& node) {
  for (size_t pool = 0; pool < evictable_.size(); ++pool) {
    if (is_evictable(node, pool)) evictable_[pool].insert({node.worth, &node});
  }
}

void PrefixTree::touch(PrefixNode& node) {
  take_out(node);
  ++node.uses;
  node.worth = age_ + cost_of(node) * static_cast<double>(node.uses);
  put_in(node);
}

void PrefixTree::remove(PrefixNode& node, const Release& release) {
  CHECK(node.children == 0 && node.holders == 0);
  take_out(node);
  for (size_t pool = 0; pool < node.blocks.size(); ++pool) {
    if (node.blocks[pool] != kNoBlock) release(pool, node.blocks[pool]);
  }
  PrefixNode* parent = node.parent;
  nodes_.erase(node.hash);
  if (!parent) return;
  take_out(*parent);
  --parent->children;
  put_in(*parent);
}

bool PrefixTree::evict(size_t pool, const Release& release) {
  Order& order = evictable_[pool];
  if (order.empty()) return false;
  PrefixNode* node = order.begin()->second;
  age_ = std::max(age_, node->worth);
  if (plan_.pools[pool].window == 0) {
    remove(*node, release);
    return true;
  }
  take_out(*node);
  release(pool, node->blocks[pool]);
  node->blocks[pool] = kNoBlock;
  put_in(*node);
  // Without any block it leads nowhere, and so may what led to it.
  while (node && node->children == 0 && node->holders == 0 &&
         std::all_of(node->blocks.begin(), node->blocks.end(),
                     [](int32_t block) { return block == kNoBlock; })) {
    PrefixNode* parent = node->parent;
    remove(*node, release);
    node = parent;
  }
  return true;
}

}  // namespace plinth::engine
