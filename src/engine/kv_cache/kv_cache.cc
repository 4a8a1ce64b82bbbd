// SPDX-License-Identifier: Apache-2.0
// Reservations make running out impossible: running sequences never hold more than they reserved,
// the reservations fit the pool, and everything else in use is retained and can be dropped.
#include "engine/kv_cache/kv_cache.h"

#include <sys/mman.h>

#include <algorithm>

#include "base/check.h"

namespace plinth::engine {

KvSequence::~KvSequence() {
  for (const int32_t block : blocks_) cache_.release_block(block);
  cache_.reserved_blocks_ -= reserved_blocks_;
}

float* KvSequence::key(int64_t layer, int64_t position) {
  const int32_t block = blocks_[static_cast<size_t>(position / kBlockTokens)];
  return cache_.keys_at(block, layer) + position % kBlockTokens * cache_.shape_.key_width;
}

float* KvSequence::value(int64_t layer, int64_t position) {
  const int32_t block = blocks_[static_cast<size_t>(position / kBlockTokens)];
  return cache_.values_at(block, layer) + position % kBlockTokens * cache_.shape_.value_width;
}

const float* KvSequence::key_block(int64_t layer, int64_t index) const {
  return cache_.keys_at(blocks_[static_cast<size_t>(index)], layer);
}

const float* KvSequence::value_block(int64_t layer, int64_t index) const {
  return cache_.values_at(blocks_[static_cast<size_t>(index)], layer);
}

KvCache::KvCache(const KvShape& shape) : shape_(shape) {}

Result<std::unique_ptr<KvCache>> KvCache::create(const KvShape& shape, int64_t blocks) {
  std::unique_ptr<KvCache> cache(new KvCache(shape));
  size_t bytes = 0;
  const bool is_overflow =
      blocks < 1 || blocks > INT32_MAX ||
      __builtin_mul_overflow(static_cast<size_t>(blocks),
                             static_cast<size_t>(cache->block_floats()) * sizeof(float), &bytes);
  void* address = MAP_FAILED;
  if (!is_overflow) {
    // Mapped, not zeroed: pages that no sequence reaches cost nothing.
    address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  }
  if (address == MAP_FAILED) {
    return make_error(ErrorCode::too_large,
                      "context_tokens_max: no room for " + std::to_string(blocks * kBlockTokens) +
                          " tokens of keys and values; lower it or sequences_max",
                      "context_tokens_max");
  }
  cache->pool_ = static_cast<float*>(address);
  cache->pool_bytes_ = bytes;
  cache->references_.assign(static_cast<size_t>(blocks), 0);
  for (int64_t block = blocks - 1; block >= 0; --block) {
    cache->free_blocks_.push_back(static_cast<int32_t>(block));
  }
  return cache;
}

KvCache::~KvCache() {
  if (pool_) ::munmap(pool_, pool_bytes_);
}

float* KvCache::keys_at(int32_t block, int64_t layer) const {
  return pool_ + block * block_floats() +
         layer * kBlockTokens * (shape_.key_width + shape_.value_width);
}

float* KvCache::values_at(int32_t block, int64_t layer) const {
  return keys_at(block, layer) + kBlockTokens * shape_.key_width;
}

std::unique_ptr<KvSequence> KvCache::start(const std::vector<Token>& prompt, int64_t tokens_max,
                                           std::string variant) {
  const int64_t wanted = blocks_for(tokens_max);
  if (wanted > blocks_total() - reserved_blocks_) return nullptr;
  reserved_blocks_ += wanted;
  std::unique_ptr<KvSequence> sequence(new KvSequence(*this, wanted));
  sequence->variant_ = std::move(variant);

  // At least one token stays to be computed: its logits choose the first new token.
  const auto usable = static_cast<int64_t>(prompt.size()) - 1;
  int64_t longest = 0;
  auto best = retained_.end();
  for (auto entry = retained_.begin(); entry != retained_.end(); ++entry) {
    if (entry->variant != sequence->variant_) continue;
    const auto [end, _] =
        std::mismatch(entry->tokens.begin(), entry->tokens.end(), prompt.begin(), prompt.end());
    const int64_t same = std::min<int64_t>(end - entry->tokens.begin(), usable);
    const int64_t shared = std::min(same / kBlockTokens, wanted);
    if (shared > longest) {
      longest = shared;
      best = entry;
    }
  }
  if (best == retained_.end()) return sequence;
  sequence->cached_tokens_ = longest * kBlockTokens;
  for (int64_t i = 0; i < longest; ++i) {
    const int32_t block = best->blocks[static_cast<size_t>(i)];
    ++references_[static_cast<size_t>(block)];
    sequence->blocks_.push_back(block);
  }
  std::rotate(best, best + 1, retained_.end());  // now the most recently used
  return sequence;
}

void KvCache::extend(KvSequence& sequence, int64_t tokens) {
  const int64_t wanted = blocks_for(tokens);
  CHECK(wanted <= sequence.reserved_blocks_);
  while (static_cast<int64_t>(sequence.blocks_.size()) < wanted) {
    sequence.blocks_.push_back(take_block());
  }
}

void KvCache::truncate(KvSequence& sequence, int64_t tokens) {
  // What was found cached is shared, and a shared block never changes.
  CHECK(tokens >= sequence.cached_tokens_);
  while (static_cast<int64_t>(sequence.blocks_.size()) > blocks_for(tokens)) {
    release_block(sequence.blocks_.back());
    sequence.blocks_.pop_back();
  }
}

void KvCache::retire(std::unique_ptr<KvSequence> sequence, std::vector<Token> tokens) {
  const size_t full = std::min(tokens.size() / kBlockTokens, sequence->blocks_.size());
  if (full == 0) return;
  Retained entry;
  entry.variant = sequence->variant_;
  tokens.resize(full * kBlockTokens);
  entry.tokens = std::move(tokens);
  entry.blocks.assign(sequence->blocks_.begin(),
                      sequence->blocks_.begin() + static_cast<ptrdiff_t>(full));
  for (const int32_t block : entry.blocks) ++references_[static_cast<size_t>(block)];
  retained_.push_back(std::move(entry));
  if (retained_.size() > kRetainedMax) drop_oldest();
}

int32_t KvCache::take_block() {
  while (free_blocks_.empty()) {
    CHECK(!retained_.empty());
    drop_oldest();
  }
  const int32_t block = free_blocks_.back();
  free_blocks_.pop_back();
  references_[static_cast<size_t>(block)] = 1;
  return block;
}

void KvCache::release_block(int32_t block) {
  if (--references_[static_cast<size_t>(block)] == 0) free_blocks_.push_back(block);
}

void KvCache::drop_oldest() {
  for (const int32_t block : retained_.front().blocks) release_block(block);
  retained_.pop_front();
}

}  // namespace plinth::engine
