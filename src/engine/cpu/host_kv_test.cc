// SPDX-License-Identifier: Apache-2.0
// What is stored for one sequence stays where its cache says, whatever others do.
#include "engine/cpu/host_kv.h"

#include <gtest/gtest.h>

#include <numeric>

#include "engine/kernels/attention/kv_store.h"

namespace plinth::engine::cpu {
namespace {

// Two layers that see all, then two with a window of 20 tokens.
const KvShape kShape = kv_shape(KvFormat::f16, 2, 4, 6, {0, 20, 0, 20});
constexpr int64_t kSlice = 8;  // tokens computed together

std::unique_ptr<KvCache> make_cache(int64_t context, int64_t sequences) {
  const KvPlan plan = plan_kv(kShape, {context, sequences, kSlice});
  return std::make_unique<KvCache>(std::move(HostKv::allocate(plan).value()));
}

HostKv& host_kv_of(KvCache& cache) { return static_cast<HostKv&>(cache.memory()); }

std::vector<Token> count_up(Token begin, size_t count) {
  std::vector<Token> tokens(count);
  std::iota(tokens.begin(), tokens.end(), begin);
  return tokens;
}

void compute(KvCache& cache, KvSequence& sequence, int64_t begin, int64_t end) {
  for (int64_t at = begin; at < end; at += kSlice) {
    cache.extend(sequence, at, std::min(end, at + kSlice));
  }
}

// A number that tells a layer, position, head and value apart; halves hold it exactly.
float mark(int64_t layer, int64_t position, int64_t head, int64_t i) {
  return static_cast<float>(layer * 512 + position * 8 + head * 4 + i % 4);
}

void store_marks(KvCache& cache, const KvSequence& sequence, int64_t layers, int64_t begin,
                 int64_t end) {
  for (int64_t layer = 0; layer < layers; ++layer) {
    for (int64_t position = begin; position < end; ++position) {
      std::vector<float> keys;
      std::vector<float> values;
      for (int64_t i = 0; i < 2 * 4; ++i) keys.push_back(mark(layer, position, i / 4, i % 4));
      for (int64_t i = 0; i < 2 * 6; ++i) values.push_back(-mark(layer, position, i / 6, i % 6));
      host_kv_of(cache).store(sequence, layer, position, keys.data(), values.data());
    }
  }
}

void expect_marks(KvCache& cache, const KvSequence& sequence, int64_t layer, int64_t begin,
                  int64_t end) {
  const kernels::KvStore& store = kernels::kv_store_of(cache.shape().format);
  const HostKv& memory = host_kv_of(cache);
  for (int64_t position = begin; position < end; ++position) {
    const int64_t block = position / kBlockTokens;
    const int64_t token = position % kBlockTokens;
    for (int64_t head = 0; head < 2; ++head) {
      EXPECT_EQ(store.key_at(memory.keys(sequence, layer, block, head), 4, token, 3),
                mark(layer, position, head, 3));
      EXPECT_EQ(store.value_at(memory.values(sequence, layer, block, head), 6, token, 5),
                -mark(layer, position, head, 5));
    }
  }
}

TEST(HostKv, gives_every_position_layer_and_head_its_own_place) {
  auto cache = make_cache(48, 1);
  auto sequence = cache->start(count_up(0, 40), 40);
  cache->extend(*sequence, 0, 40);
  store_marks(*cache, *sequence, 2, 0, 40);
  for (int64_t layer = 0; layer < 2; ++layer) expect_marks(*cache, *sequence, layer, 0, 40);
}

TEST(HostKv, keeps_the_window_alone_of_layers_that_have_one) {
  auto cache = make_cache(320, 1);
  auto sequence = cache->start(count_up(0, 300), 320);
  for (int64_t at = 0; at < 300; at += kSlice) {
    const int64_t end = std::min(int64_t{300}, at + kSlice);
    cache->extend(*sequence, at, end);
    // 300 positions have marks of their own in halves only modulo 64.
    store_marks(*cache, *sequence, 4, at, end);
    const int64_t first = std::max(int64_t{0}, at - 20 + 1);
    if (end <= 64) {
      for (int64_t layer = 0; layer < 4; ++layer)
        expect_marks(*cache, *sequence, layer, first, end);
    }
    // All blocks of the layers without a window, at most 5 of the others.
    EXPECT_LE(cache->blocks_used(), (end + 15) / 16 + 5);
  }
  sequence.reset();
  EXPECT_EQ(cache->blocks_used(), 0);
}

TEST(HostKv, keeps_what_shared_windows_hold_while_others_move_on) {
  auto cache = make_cache(320, 3);
  const auto tokens = count_up(0, 60);
  auto first = cache->start(tokens, 200);
  compute(*cache, *first, 0, 60);
  store_marks(*cache, *first, 4, 24, 60);
  cache->publish(*first, tokens, 60);
  cache->keep(*first);
  auto second = cache->start(count_up(0, 70), 100);
  EXPECT_EQ(second->cached_tokens(), 48);
  compute(*cache, *first, 60, 200);
  expect_marks(*cache, *second, 1, 48 - 20 + 1, 48);
  expect_marks(*cache, *second, 0, 24, 48);
}

TEST(HostKv, shares_blocks_and_keeps_what_they_hold) {
  auto cache = make_cache(64, 1);
  const auto tokens = count_up(0, 32);
  auto first = cache->start(tokens, 32);
  cache->extend(*first, 0, 32);
  store_marks(*cache, *first, 2, 0, 32);
  cache->retire(std::move(first), tokens);
  EXPECT_EQ(cache->blocks_used(), 4);  // two of each pool
  auto second = cache->start(count_up(0, 33), 48);
  EXPECT_EQ(second->cached_tokens(), 32);
  expect_marks(*cache, *second, 1, 0, 32);
  EXPECT_EQ(cache->blocks_used(), 4);  // two of each pool
}

TEST(HostKv, refuses_pools_whose_size_overflows_or_cannot_be_had) {
  for (const int64_t context : {int64_t{1} << 34, int64_t{1} << 40, INT64_MAX / 32}) {
    const KvShape shape =
        kv_shape(KvFormat::f32, 1 << 10, 1 << 12, 1 << 12, std::vector<int64_t>(1024));
    EXPECT_EQ(HostKv::allocate(plan_kv(shape, {context})).error().code, ErrorCode::too_large)
        << context;
  }
}

TEST(HostKv, takes_the_bytes_that_its_layout_says) {
  // Keys of 4 halves for 16 tokens take 128 bytes, values 512: their rows are padded to 16.
  EXPECT_EQ(kShape.head_bytes, 128 + 512);
}

}  // namespace
}  // namespace plinth::engine::cpu
