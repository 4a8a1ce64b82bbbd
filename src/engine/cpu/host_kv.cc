// SPDX-License-Identifier: Apache-2.0
#include "engine/cpu/host_kv.h"

#include <sys/mman.h>

#include <string>

#include "engine/kernels/attention/kv_store.h"

namespace plinth::engine::cpu {

KvShape kv_shape(KvFormat format, int64_t kv_heads, int64_t key_length, int64_t value_length,
                 std::vector<int64_t> windows) {
  const kernels::KvStore& store = kernels::kv_store_of(format);
  KvShape shape;
  shape.format = format;
  shape.kv_heads = kv_heads;
  shape.key_length = key_length;
  shape.value_length = value_length;
  shape.head_bytes = store.key_bytes(key_length) + store.value_bytes(value_length);
  shape.windows = std::move(windows);
  return shape;
}

Result<std::unique_ptr<HostKv>> HostKv::allocate(const KvPlan& plan) {
  std::unique_ptr<HostKv> memory(new HostKv(plan));
  constexpr uint64_t kBytesMax = uint64_t{1} << 47;  // what a process can address
  bool is_possible = plan.is_countable() && plan.bytes() < kBytesMax;
  for (size_t i = 0; i < plan.pools.size() && is_possible; ++i) {
    // Mapped, not zeroed: pages that no sequence reaches cost nothing.
    void* pool = ::mmap(nullptr, memory->pool_bytes(i), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    is_possible = pool != MAP_FAILED;
    if (is_possible) memory->pools_[i] = static_cast<uint8_t*>(pool);
  }
  if (is_possible) return memory;
  return make_error(ErrorCode::too_large,
                    "context_tokens_max: no room for the keys and values of " +
                        std::to_string(plan.context) +
                        " tokens; lower it or sequences_max, or choose a smaller KV format",
                    "context_tokens_max");
}

HostKv::~HostKv() {
  for (size_t i = 0; i < pools_.size(); ++i) {
    if (pools_[i]) ::munmap(pools_[i], pool_bytes(i));
  }
}

size_t HostKv::pool_bytes(size_t pool) const {
  return static_cast<size_t>(plan().pools[pool].blocks) *
         static_cast<size_t>(plan().pools[pool].block_bytes);
}

uint8_t* HostKv::head_at(const KvSequence& sequence, int64_t layer, int64_t index,
                         int64_t head) const {
  const auto [pool, layer_in_pool] = plan().places[static_cast<size_t>(layer)];
  return pools_[pool] + sequence.block(pool, index) * plan().pools[pool].block_bytes +
         (layer_in_pool * plan().shape.kv_heads + head) * plan().shape.head_bytes;
}

const uint8_t* HostKv::values(const KvSequence& sequence, int64_t layer, int64_t index,
                              int64_t head) const {
  const KvShape& shape = plan().shape;
  return head_at(sequence, layer, index, head) +
         kernels::kv_store_of(shape.format).key_bytes(shape.key_length);
}

void HostKv::store(const KvSequence& sequence, int64_t layer, int64_t position, const float* keys,
                   const float* values) {
  const KvShape& shape = plan().shape;
  const kernels::KvStore& format = kernels::kv_store_of(shape.format);
  const int64_t token = position % kBlockTokens;
  for (int64_t head = 0; head < shape.kv_heads; ++head) {
    uint8_t* place = head_at(sequence, layer, position / kBlockTokens, head);
    format.store_key(keys + head * shape.key_length, shape.key_length, token, place);
    format.store_value(values + head * shape.value_length, shape.value_length, token,
                       place + format.key_bytes(shape.key_length));
  }
}

}  // namespace plinth::engine::cpu
