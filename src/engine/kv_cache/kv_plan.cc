// SPDX-License-Identifier: Apache-2.0
#include "engine/kv_cache/kv_plan.h"

#include <algorithm>

namespace plinth::engine {
namespace {

int64_t blocks_of(int64_t tokens) { return (tokens + kBlockTokens - 1) / kBlockTokens; }

// What a sequence holds of a pool at most. With a window: the window before the block of the first
// of rows_max tokens, these tokens, and a block for where the window begins inside of one.
int64_t sequence_blocks(int64_t window, const KvRoom& room) {
  const int64_t all = blocks_of(room.context);
  if (window == 0) return all;
  return std::min(all, blocks_of(window + kBlockTokens + room.rows_max) + 1);
}

}  // namespace

int64_t KvShape::bytes_per_token() const {
  return static_cast<int64_t>(windows.size()) * kv_heads * head_bytes / kBlockTokens;
}

int64_t KvPool::first_block(int64_t position) const {
  if (window == 0) return 0;
  const int64_t begin = position / kBlockTokens * kBlockTokens - window + 1;
  return std::max(int64_t{0}, begin) / kBlockTokens;
}

int64_t KvPool::blocks_for(int64_t tokens) const {
  return std::min(blocks_of(tokens), sequence_blocks_max);
}

bool KvPlan::has_windows() const {
  return std::any_of(pools.begin(), pools.end(),
                     [](const KvPool& pool) { return pool.window > 0; });
}

uint64_t KvPlan::bytes() const {
  uint64_t sum = 0;
  for (const KvPool& pool : pools) {
    uint64_t bytes = 0;
    if (__builtin_mul_overflow(static_cast<uint64_t>(pool.blocks),
                               static_cast<uint64_t>(pool.block_bytes), &bytes) ||
        __builtin_add_overflow(sum, bytes, &sum)) {
      return UINT64_MAX;
    }
  }
  return sum;
}

bool KvPlan::is_countable() const {
  return bytes() < UINT64_MAX &&
         std::all_of(
             pools.begin(), pools.end(),
             [](const KvPool& pool) { return pool.blocks >= 1 && pool.blocks <= INT32_MAX; });
}

KvPlan plan_kv(const KvShape& shape, const KvRoom& room) {
  KvPlan plan;
  plan.shape = shape;
  plan.context = room.context;
  // From the longest reach to the shortest, layers without a window first.
  std::vector<int64_t> windows = shape.windows;
  const auto reach = [](int64_t window) { return window == 0 ? INT64_MAX : window; };
  std::sort(windows.begin(), windows.end(),
            [&](int64_t a, int64_t b) { return reach(a) > reach(b); });
  windows.erase(std::unique(windows.begin(), windows.end()), windows.end());
  for (const int64_t window : windows) {
    KvPool pool;
    pool.window = window;
    pool.sequence_blocks_max = sequence_blocks(window, room);
    pool.blocks = pool.sequence_blocks_max;
    plan.pools.push_back(pool);
  }
  for (const int64_t window : shape.windows) {
    const auto found = std::find(windows.begin(), windows.end(), window);
    const auto index = static_cast<size_t>(found - windows.begin());
    plan.places.push_back({index, plan.pools[index].layers++});
  }
  for (KvPool& pool : plan.pools) {
    pool.block_bytes = pool.layers * shape.kv_heads * shape.head_bytes;
  }
  // Now for one sequence; then as many times as there is room for, all pools alike.
  const double one = static_cast<double>(plan.bytes());
  const double times = std::clamp(static_cast<double>(room.bytes_max) / one, 1.0,
                                  static_cast<double>(room.sequences));
  for (KvPool& pool : plan.pools) {
    pool.blocks = static_cast<int64_t>(static_cast<double>(pool.sequence_blocks_max) * times);
  }
  return plan;
}

}  // namespace plinth::engine
