// SPDX-License-Identifier: Apache-2.0
// Reservations make running out impossible: running sequences never hold more than they reserved,
// the reservations fit each pool, and every other block in use is the tree's alone, which can give
// it up: of a node that no sequence looks at, none looks at what comes below it either.
#include "engine/kv_cache/kv_cache.h"

#include <algorithm>

#include "base/check.h"

namespace plinth::engine {
namespace {

int64_t blocks_in(std::span<const Token> tokens) {
  return static_cast<int64_t>(tokens.size()) / kBlockTokens;
}

std::span<const Token> block_of(std::span<const Token> tokens, size_t index) {
  constexpr auto kLength = static_cast<size_t>(kBlockTokens);
  return tokens.subspan(index * kLength, kLength);
}

// At least one token stays to be computed: its logits choose the first new token.
std::span<const Token> cacheable(std::span<const Token> prompt) {
  return prompt.first(prompt.empty() ? 0 : prompt.size() - 1);
}

}  // namespace

KvSequence::~KvSequence() { cache_.end(*this); }

KvCache::KvCache(std::unique_ptr<KvMemory> memory)
    : memory_(std::move(memory)),
      plan_(memory_->plan()),
      tree_(plan_),
      release_([this](size_t pool, int32_t block) { release_block(pool, block); }) {
  CHECK(plan_.is_countable());
  for (const KvPool& planned : plan_.pools) {
    Pool& pool = pools_.emplace_back();
    pool.references.assign(static_cast<size_t>(planned.blocks), 0);
    for (int64_t block = planned.blocks - 1; block >= 0; --block) {
      pool.free_blocks.push_back(static_cast<int32_t>(block));
    }
  }
}

int64_t KvCache::blocks_used() const {
  size_t used = 0;
  for (const Pool& pool : pools_) used += pool.references.size() - pool.free_blocks.size();
  return static_cast<int64_t>(used);
}

// The nodes of the longest start of the prompt behind which a sequence can go on: everything that
// the next token looks at is there.
std::vector<PrefixNode*> KvCache::longest_start(uint64_t root, std::span<const Token> prompt) {
  std::vector<PrefixNode*> path;
  std::vector<int64_t> missing(plan_.pools.size(), -1);  // the last index, per pool
  size_t longest = 0;
  for (size_t index = 0; index < static_cast<size_t>(blocks_in(prompt)); ++index) {
    PrefixNode* parent = path.empty() ? nullptr : path.back();
    PrefixNode* node = tree_.find(root, parent, block_of(prompt, index));
    if (!node) break;
    path.push_back(node);
    bool is_whole = true;
    for (size_t pool = 0; pool < plan_.pools.size(); ++pool) {
      if (node->blocks[pool] == kNoBlock) missing[pool] = node->index;
      const int64_t position = (node->index + 1) * kBlockTokens;
      is_whole = is_whole && missing[pool] < plan_.pools[pool].first_block(position);
    }
    if (is_whole) longest = path.size();
  }
  path.resize(longest);
  return path;
}

bool KvCache::has_room(int64_t tokens_max, std::span<const KvSequence* const> leaving) const {
  for (size_t i = 0; i < pools_.size(); ++i) {
    const KvPool& plan = plan_.pools[i];
    int64_t room = plan.blocks - pools_[i].reserved;
    for (const KvSequence* sequence : leaving) room += sequence->reserved_[i];
    if (plan.blocks_for(tokens_max) > room) return false;
  }
  return true;
}

std::unique_ptr<KvSequence> KvCache::start(const std::vector<Token>& prompt, int64_t tokens_max,
                                           const std::string& variant) {
  if (!has_room(tokens_max)) return nullptr;
  std::unique_ptr<KvSequence> sequence(new KvSequence(*this));
  sequence->root_ = PrefixTree::root_of(variant);
  for (size_t i = 0; i < pools_.size(); ++i) {
    sequence->reserved_.push_back(plan_.pools[i].blocks_for(tokens_max));
    pools_[i].reserved += sequence->reserved_.back();
  }
  sequence->held_.resize(pools_.size());
  const std::vector<PrefixNode*> path = longest_start(sequence->root_, cacheable(prompt));
  const auto end = static_cast<int64_t>(path.size());
  for (size_t i = 0; i < pools_.size(); ++i) {
    sequence->held_[i].first = plan_.pools[i].first_block(end * kBlockTokens);
  }
  for (PrefixNode* node : path) share(*sequence, *node);
  sequence->cached_tokens_ = end * kBlockTokens;
  return sequence;
}

// The sequence goes on behind the node, whose blocks it looks at as far as its windows reach.
void KvCache::share(KvSequence& sequence, PrefixNode& node) {
  for (size_t i = 0; i < pools_.size(); ++i) {
    KvBlocks& held = sequence.held_[i];
    if (node.index < held.first) continue;
    const int32_t block = node.blocks[i];
    ++pools_[i].references[static_cast<size_t>(block)];
    held.blocks.push_back(block);
  }
  tree_.touch(node);
  follow(sequence, node);
}

// The sequence holds the node's blocks, and the node becomes the end of its path.
void KvCache::follow(KvSequence& sequence, PrefixNode& node) {
  tree_.take_out(node);
  for (size_t i = 0; i < pools_.size(); ++i) {
    if (node.index >= sequence.held_[i].first) ++node.users[i];
  }
  ++node.holders;
  tree_.put_in(node);
  sequence.path_.push_back(&node);
}

int64_t KvCache::adopt(KvSequence& sequence, std::span<const Token> prompt, int64_t computed) {
  const std::span<const Token> usable = cacheable(prompt);
  while (computed == static_cast<int64_t>(sequence.path_.size()) * kBlockTokens &&
         computed + kBlockTokens <= static_cast<int64_t>(usable.size())) {
    PrefixNode* parent = sequence.path_.empty() ? nullptr : sequence.path_.back();
    PrefixNode* node = tree_.find(sequence.root_, parent, block_of(usable, sequence.path_.size()));
    if (!node || std::count(node->blocks.begin(), node->blocks.end(), kNoBlock) > 0) break;
    leave_window(sequence, computed);
    share(sequence, *node);
    computed += kBlockTokens;
    sequence.cached_tokens_ += kBlockTokens;
  }
  return computed;
}

// One sequence less looks at the node's block. A block behind which nobody is expected to go on is
// not worth its room then.
void KvCache::stop_using(PrefixNode& node, size_t pool) {
  tree_.take_out(node);
  --node.users[pool];
  if (node.users[pool] == 0 && !node.is_kept && node.blocks[pool] != kNoBlock) {
    release_block(pool, node.blocks[pool]);
    node.blocks[pool] = kNoBlock;
  }
  tree_.put_in(node);
}

// Gives back the blocks that `position` and later ones do not look at.
void KvCache::leave_window(KvSequence& sequence, int64_t position) {
  for (size_t i = 0; i < pools_.size(); ++i) {
    KvBlocks& held = sequence.held_[i];
    while (held.first < plan_.pools[i].first_block(position) && !held.blocks.empty()) {
      const auto index = static_cast<size_t>(held.first);
      if (index < sequence.path_.size()) stop_using(*sequence.path_[index], i);
      release_block(i, held.blocks.front());
      held.blocks.erase(held.blocks.begin());
      ++held.first;
    }
  }
}

void KvCache::extend(KvSequence& sequence, int64_t begin, int64_t end) {
  const int64_t wanted = (end + kBlockTokens - 1) / kBlockTokens;
  leave_window(sequence, begin);
  for (size_t i = 0; i < pools_.size(); ++i) {
    KvBlocks& held = sequence.held_[i];
    CHECK(wanted - held.first <= sequence.reserved_[i]);
    while (held.end() < wanted) held.blocks.push_back(take_block(i));
  }
}

void KvCache::publish(KvSequence& sequence, std::span<const Token> tokens, int64_t begin) {
  for (size_t at = sequence.path_.size(); at < static_cast<size_t>(blocks_in(tokens)); ++at) {
    const auto index = static_cast<int64_t>(at);
    PrefixNode* parent = sequence.path_.empty() ? nullptr : sequence.path_.back();
    PrefixNode* node = tree_.find(sequence.root_, parent, block_of(tokens, at));
    // Rows on their way write to the sequence's own block.
    if (node && (index + 1) * kBlockTokens > begin) return;
    if (!node) node = tree_.add(sequence.root_, parent, block_of(tokens, at));
    if (!node) return;
    tree_.take_out(*node);
    for (size_t i = 0; i < pools_.size(); ++i) {
      KvBlocks& held = sequence.held_[i];
      if (index < held.first) continue;
      int32_t& own = held.blocks[static_cast<size_t>(index - held.first)];
      if (node->blocks[i] == kNoBlock) {
        node->blocks[i] = own;
        ++pools_[i].references[static_cast<size_t>(own)];
        continue;
      }
      ++pools_[i].references[static_cast<size_t>(node->blocks[i])];
      release_block(i, own);
      own = node->blocks[i];
    }
    tree_.put_in(*node);
    follow(sequence, *node);
  }
}

void KvCache::truncate(KvSequence& sequence, int64_t tokens) {
  const int64_t end = (tokens + kBlockTokens - 1) / kBlockTokens;
  // What is in the tree is shared, and a shared block never changes.
  CHECK(tokens / kBlockTokens >= static_cast<int64_t>(sequence.path_.size()));
  for (size_t i = 0; i < pools_.size(); ++i) {
    KvBlocks& held = sequence.held_[i];
    while (held.end() > end && !held.blocks.empty()) {
      release_block(i, held.blocks.back());
      held.blocks.pop_back();
    }
  }
}

void KvCache::keep(const KvSequence& sequence) {
  const auto end = static_cast<int64_t>(sequence.path_.size());
  for (const KvPool& pool : plan_.pools) {
    if (pool.window == 0) continue;
    for (int64_t index = pool.first_block(end * kBlockTokens); index < end; ++index) {
      sequence.path_[static_cast<size_t>(index)]->is_kept = true;
    }
  }
}

void KvCache::retire(std::unique_ptr<KvSequence> sequence, std::span<const Token> tokens) {
  publish(*sequence, tokens, static_cast<int64_t>(tokens.size()));
  keep(*sequence);
}

void KvCache::discard(std::unique_ptr<KvSequence> sequence) {
  std::vector<PrefixNode*> path = sequence->path_;
  sequence.reset();
  while (!path.empty()) {
    PrefixNode& node = *path.back();
    if (node.children > 0 || node.holders > 0 || node.uses > 1) return;
    path.pop_back();
    tree_.remove(node, release_);
  }
}

void KvCache::end(KvSequence& sequence) {
  for (size_t i = 0; i < sequence.held_.size(); ++i) {
    const KvBlocks& held = sequence.held_[i];
    for (int64_t index = held.first; index < held.end(); ++index) {
      const auto at = static_cast<size_t>(index);
      if (at < sequence.path_.size()) {
        PrefixNode& node = *sequence.path_[at];
        tree_.take_out(node);
        --node.users[i];
        tree_.put_in(node);
      }
      release_block(i, held.blocks[static_cast<size_t>(index - held.first)]);
    }
  }
  for (PrefixNode* node : sequence.path_) {
    tree_.take_out(*node);
    --node->holders;
    tree_.put_in(*node);
  }
  for (size_t i = 0; i < sequence.reserved_.size(); ++i) {
    pools_[i].reserved -= sequence.reserved_[i];
  }
}

int32_t KvCache::take_block(size_t pool) {
  std::vector<int32_t>& free_blocks = pools_[pool].free_blocks;
  while (free_blocks.empty()) CHECK(tree_.evict(pool, release_));
  const int32_t block = free_blocks.back();
  free_blocks.pop_back();
  pools_[pool].references[static_cast<size_t>(block)] = 1;
  return block;
}

void KvCache::release_block(size_t pool, int32_t block) {
  if (--pools_[pool].references[static_cast<size_t>(block)] > 0) return;
  pools_[pool].free_blocks.push_back(block);
}

}  // namespace plinth::engine
