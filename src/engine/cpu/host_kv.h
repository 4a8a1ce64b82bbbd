// SPDX-License-Identifier: Apache-2.0
// Keys and values in this machine's memory. Layout of a block: for each layer of the pool, for each
// head: keys, then values, as kernels/attention/kv_store.h lays them out.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/kv_cache/kv_cache.h"

namespace plinth::engine::cpu {

// The shape of keys and values of this size in this layout; windows per layer as in KvShape.
KvShape kv_shape(KvFormat format, int64_t kv_heads, int64_t key_length, int64_t value_length,
                 std::vector<int64_t> windows);

class HostKv final : public KvMemory {
 public:
  // RAM is taken as blocks are first written. Error: too_large.
  static Result<std::unique_ptr<HostKv>> allocate(const KvPlan& plan);
  ~HostKv() override;

  // Stores a token's keys [kv_heads][key_length] and values [kv_heads][value_length]. The sequence
  // is one of this memory's cache and holds the token's block.
  void store(const KvSequence& sequence, int64_t layer, int64_t position, const float* keys,
             const float* values);
  // The keys and values of a head in block `index` of a sequence that holds it.
  const uint8_t* keys(const KvSequence& sequence, int64_t layer, int64_t index,
                      int64_t head) const {
    return head_at(sequence, layer, index, head);
  }
  const uint8_t* values(const KvSequence& sequence, int64_t layer, int64_t index,
                        int64_t head) const;

 private:
  explicit HostKv(const KvPlan& plan) : KvMemory(plan), pools_(plan.pools.size(), nullptr) {}
  size_t pool_bytes(size_t pool) const;
  uint8_t* head_at(const KvSequence& sequence, int64_t layer, int64_t index, int64_t head) const;

  std::vector<uint8_t*> pools_;
};

}  // namespace plinth::engine::cpu
