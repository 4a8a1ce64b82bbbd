// SPDX-License-Identifier: Apache-2.0
// Reservations make running out impossible: running sequences never hold more than they reserved,
// the reservations fit each pool, and everything else in use is retained and can be dropped.
#include "engine/kv_cache/kv_cache.h"

#include <algorithm>

#include "base/check.h"

namespace plinth::engine {

KvSequence::~KvSequence() {
  for (size_t pool = 0; pool < held_.size(); ++pool) {
    for (const int32_t block : held_[pool].blocks) cache_.release_block(pool, block);
    cache_.pools_[pool].reserved -= reserved_[pool];
  }
}

KvCache::KvCache(std::unique_ptr<KvMemory> memory)
    : memory_(std::move(memory)), plan_(memory_->plan()) {
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

// Whether a sequence can go on after the entry's first `blocks` blocks: everything that the next
// token looks at is there.
bool KvCache::is_shared_at(const Retained& entry, int64_t blocks) const {
  for (size_t i = 0; i < plan_.pools.size(); ++i) {
    if (entry.held[i].first > plan_.pools[i].first_block(blocks * kBlockTokens)) return false;
  }
  return true;
}

std::unique_ptr<KvSequence> KvCache::start(const std::vector<Token>& prompt, int64_t tokens_max,
                                           std::string variant) {
  for (size_t i = 0; i < pools_.size(); ++i) {
    const KvPool& plan = plan_.pools[i];
    if (plan.blocks_for(tokens_max) > plan.blocks - pools_[i].reserved) return nullptr;
  }
  std::unique_ptr<KvSequence> sequence(new KvSequence(*this));
  sequence->variant_ = std::move(variant);
  for (size_t i = 0; i < pools_.size(); ++i) {
    sequence->reserved_.push_back(plan_.pools[i].blocks_for(tokens_max));
    pools_[i].reserved += sequence->reserved_.back();
  }
  sequence->held_.resize(pools_.size());

  // At least one token stays to be computed: its logits choose the first new token.
  const auto usable = std::min(static_cast<int64_t>(prompt.size()) - 1, tokens_max) / kBlockTokens;
  int64_t longest = 0;
  auto best = retained_.end();
  for (auto entry = retained_.begin(); entry != retained_.end(); ++entry) {
    if (entry->variant != sequence->variant_) continue;
    const auto [end, _] =
        std::mismatch(entry->tokens.begin(), entry->tokens.end(), prompt.begin(), prompt.end());
    const int64_t same = (end - entry->tokens.begin()) / kBlockTokens;
    const int64_t shared = std::min(same, usable);
    if (shared > longest && is_shared_at(*entry, shared)) {
      longest = shared;
      best = entry;
    }
  }
  if (best == retained_.end()) return sequence;
  sequence->cached_tokens_ = longest * kBlockTokens;
  for (size_t i = 0; i < pools_.size(); ++i) {
    KvBlocks& held = sequence->held_[i];
    held.first = plan_.pools[i].first_block(sequence->cached_tokens_);
    for (int64_t index = held.first; index < longest; ++index) {
      const int32_t block = best->held[i].blocks[static_cast<size_t>(index - best->held[i].first)];
      ++pools_[i].references[static_cast<size_t>(block)];
      held.blocks.push_back(block);
    }
  }
  std::rotate(best, best + 1, retained_.end());  // now the most recently used
  return sequence;
}

void KvCache::extend(KvSequence& sequence, int64_t begin, int64_t end) {
  const int64_t wanted = (end + kBlockTokens - 1) / kBlockTokens;
  for (size_t i = 0; i < pools_.size(); ++i) {
    KvBlocks& held = sequence.held_[i];
    while (held.first < plan_.pools[i].first_block(begin) && !held.blocks.empty()) {
      release_block(i, held.blocks.front());
      held.blocks.erase(held.blocks.begin());
      ++held.first;
    }
    CHECK(wanted - held.first <= sequence.reserved_[i]);
    while (held.end() < wanted) held.blocks.push_back(take_block(i));
  }
}

void KvCache::truncate(KvSequence& sequence, int64_t tokens) {
  // What was found cached is shared, and a shared block never changes.
  CHECK(tokens >= sequence.cached_tokens_);
  const int64_t end = (tokens + kBlockTokens - 1) / kBlockTokens;
  for (size_t i = 0; i < pools_.size(); ++i) {
    KvBlocks& held = sequence.held_[i];
    while (held.end() > end && !held.blocks.empty()) {
      release_block(i, held.blocks.back());
      held.blocks.pop_back();
    }
  }
}

void KvCache::keep(const KvSequence& sequence, std::vector<Token> tokens) {
  if (plan_.has_windows()) retain(sequence, std::move(tokens));
}

void KvCache::retire(std::unique_ptr<KvSequence> sequence, std::vector<Token> tokens) {
  retain(*sequence, std::move(tokens));
}

void KvCache::retain(const KvSequence& sequence, std::vector<Token> tokens) {
  int64_t full = static_cast<int64_t>(tokens.size()) / kBlockTokens;
  for (const KvBlocks& held : sequence.held_) full = std::min(full, held.end());
  if (full == 0) return;
  Retained entry;
  entry.variant = sequence.variant_;
  tokens.resize(static_cast<size_t>(full * kBlockTokens));
  entry.tokens = std::move(tokens);
  for (size_t i = 0; i < pools_.size(); ++i) {
    const KvBlocks& held = sequence.held_[i];
    // What only earlier positions look at is of no use at the end of the tokens.
    const int64_t first = std::max(held.first, plan_.pools[i].first_block(full * kBlockTokens));
    KvBlocks& kept = entry.held.emplace_back();
    kept.first = first;
    kept.blocks.assign(held.blocks.begin() + (first - held.first),
                       held.blocks.begin() + (full - held.first));
    for (const int32_t block : kept.blocks) ++pools_[i].references[static_cast<size_t>(block)];
  }
  retained_.push_back(std::move(entry));
  if (retained_.size() > kRetainedMax) drop_oldest();
}

int32_t KvCache::take_block(size_t pool) {
  std::vector<int32_t>& free_blocks = pools_[pool].free_blocks;
  while (free_blocks.empty()) {
    CHECK(!retained_.empty());
    drop_oldest();
  }
  const int32_t block = free_blocks.back();
  free_blocks.pop_back();
  pools_[pool].references[static_cast<size_t>(block)] = 1;
  return block;
}

void KvCache::release_block(size_t pool, int32_t block) {
  if (--pools_[pool].references[static_cast<size_t>(block)] > 0) return;
  pools_[pool].free_blocks.push_back(block);
}

void KvCache::drop_oldest() {
  const Retained& oldest = retained_.front();
  for (size_t i = 0; i < pools_.size(); ++i) {
    for (const int32_t block : oldest.held[i].blocks) release_block(i, block);
  }
  retained_.pop_front();
}

}  // namespace plinth::engine
