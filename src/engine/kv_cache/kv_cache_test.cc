// SPDX-License-Identifier: Apache-2.0
#include "engine/kv_cache/kv_cache.h"

#include <gtest/gtest.h>

#include <numeric>

#include "engine/cpu/host_kv.h"
#include "engine/kernels/attention/kv_store.h"

namespace plinth::engine {
namespace {

const KvShape kShape = cpu::kv_shape(KvFormat::f32, 2, 4, 6, {0, 0});
// Two layers that see all, then two with a window of 20 tokens; prompts in slices of 8 tokens.
const KvShape kWindowShape = cpu::kv_shape(KvFormat::f16, 2, 4, 6, {0, 20, 0, 20});
constexpr int64_t kSlice = 8;

std::vector<Token> count_up(Token begin, size_t count) {
  std::vector<Token> tokens(count);
  std::iota(tokens.begin(), tokens.end(), begin);
  return tokens;
}

std::unique_ptr<KvCache> make_cache(const KvShape& shape, const KvRoom& room) {
  const KvPlan plan = plan_kv(shape, room);
  return std::make_unique<KvCache>(plan, std::move(cpu::HostKv::allocate(plan).value()));
}

std::unique_ptr<KvCache> make_cache(int64_t blocks) {
  return make_cache(kShape, {blocks * kBlockTokens});
}

std::unique_ptr<KvCache> make_window_cache(int64_t context, int64_t sequences) {
  return make_cache(kWindowShape, {context, sequences, kSlice});
}

// Computes the tokens that are not cached, in slices.
void compute(KvCache& cache, KvSequence& sequence, int64_t begin, int64_t end) {
  for (int64_t at = begin; at < end; at += kSlice) {
    cache.extend(sequence, at, std::min(end, at + kSlice));
  }
}

// Runs a sequence to its end: as many tokens as the prompt has.
void run_and_retire(KvCache& cache, const std::vector<Token>& tokens) {
  const auto count = static_cast<int64_t>(tokens.size());
  auto sequence = cache.start(tokens, count);
  ASSERT_NE(sequence, nullptr);
  compute(cache, *sequence, sequence->cached_tokens(), count);
  cache.retire(std::move(sequence), tokens);
}

// A number that tells a layer, position, head and value apart; halves hold it exactly.
float mark(int64_t layer, int64_t position, int64_t head, int64_t i) {
  return static_cast<float>(layer * 512 + position * 8 + head * 4 + i % 4);
}

void store_marks(KvSequence& sequence, int64_t layers, int64_t begin, int64_t end) {
  for (int64_t layer = 0; layer < layers; ++layer) {
    for (int64_t position = begin; position < end; ++position) {
      std::vector<float> keys;
      std::vector<float> values;
      for (int64_t i = 0; i < 2 * 4; ++i) keys.push_back(mark(layer, position, i / 4, i % 4));
      for (int64_t i = 0; i < 2 * 6; ++i) values.push_back(-mark(layer, position, i / 6, i % 6));
      cpu::HostKv::of(sequence).store(sequence, layer, position, keys.data(), values.data());
    }
  }
}

void expect_marks(const KvCache& cache, const KvSequence& sequence, int64_t layer, int64_t begin,
                  int64_t end) {
  const kernels::KvStore& store = kernels::kv_store_of(cache.shape().format);
  const cpu::HostKv& memory = cpu::HostKv::of(sequence);
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

TEST(KvCache, gives_every_position_layer_and_head_its_own_place) {
  auto cache = make_cache(3);
  auto sequence = cache->start(count_up(0, 40), 40);
  cache->extend(*sequence, 0, 40);
  store_marks(*sequence, 2, 0, 40);
  for (int64_t layer = 0; layer < 2; ++layer) expect_marks(*cache, *sequence, layer, 0, 40);
}

TEST(KvCache, keeps_the_window_alone_of_layers_that_have_one) {
  auto cache = make_window_cache(320, 1);
  auto sequence = cache->start(count_up(0, 300), 320);
  for (int64_t at = 0; at < 300; at += kSlice) {
    const int64_t end = std::min(int64_t{300}, at + kSlice);
    cache->extend(*sequence, at, end);
    // 300 positions have marks of their own in halves only modulo 64.
    store_marks(*sequence, 4, at, end);
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

TEST(KvCache, takes_less_room_for_layers_with_a_window) {
  const KvPlan plan = plan_kv(kWindowShape, {3200, 3, kSlice});
  ASSERT_EQ(plan.pools.size(), 2u);
  EXPECT_EQ(plan.pools[0].blocks, 3 * 200);
  EXPECT_EQ(plan.pools[1].blocks, 3 * 4);
  // Keys of 4 halves for 16 tokens take 128 bytes, values 512: their rows are padded to 16.
  EXPECT_EQ(plan.bytes(), (600u + 12u) * 2 * 2 * (128 + 512));
  const KvPlan less = plan_kv(kWindowShape, {3200, 3, kSlice, plan.bytes() / 2});
  EXPECT_EQ(less.pools[0].blocks, 300);
  EXPECT_EQ(less.pools[1].blocks, 6);
  const KvPlan least = plan_kv(kWindowShape, {3200, 3, kSlice, 1});
  EXPECT_EQ(least.pools[0].blocks, 200);
}

TEST(KvCache, shares_windows_at_the_end_of_a_prompt_and_of_a_reply) {
  auto cache = make_window_cache(320, 3);
  const auto tokens = count_up(0, 200);
  auto first = cache->start(tokens, 200);
  compute(*cache, *first, 0, 100);
  cache->keep(*first, {tokens.begin(), tokens.begin() + 100});
  compute(*cache, *first, 100, 200);
  cache->retire(std::move(first), tokens);
  const auto cached = [&](size_t count, Token changed) {
    auto prompt = count_up(0, count);
    if (changed >= 0) prompt[static_cast<size_t>(changed)] = -1;
    return cache->start(prompt, 300)->cached_tokens();
  };
  EXPECT_EQ(cached(250, -1), 192);  // the reply's end
  EXPECT_EQ(cached(100, -1), 96);   // the prompt's end
  EXPECT_EQ(cached(250, 150), 96);
  EXPECT_EQ(cached(250, 60), 0);  // the windows before 96 are gone
}

TEST(KvCache, keeps_what_shared_windows_hold_while_others_move_on) {
  auto cache = make_window_cache(320, 3);
  const auto tokens = count_up(0, 60);
  auto first = cache->start(tokens, 200);
  compute(*cache, *first, 0, 60);
  store_marks(*first, 4, 24, 60);
  cache->keep(*first, tokens);
  auto second = cache->start(count_up(0, 70), 100);
  EXPECT_EQ(second->cached_tokens(), 48);
  compute(*cache, *first, 60, 200);
  expect_marks(*cache, *second, 1, 48 - 20 + 1, 48);
  expect_marks(*cache, *second, 0, 24, 48);
}

TEST(KvCache, never_runs_out_of_blocks_that_are_reserved) {
  auto cache = make_window_cache(320, 2);
  for (Token round = 0; round < 50; ++round) {
    const auto tokens = count_up(round * 1000, 320);
    auto first = cache->start(tokens, 320);
    auto second = cache->start(count_up(0, 320), 320);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(cache->start({1}, 1), nullptr);
    const int64_t cached = second->cached_tokens();
    for (int64_t at = 0; at < 320; at += kSlice) {
      cache->extend(*first, at, at + kSlice);
      if (at >= cached) cache->extend(*second, at, at + kSlice);
      if (at == 160) cache->keep(*first, {tokens.begin(), tokens.begin() + 168});
    }
    cache->retire(std::move(first), tokens);
    cache->retire(std::move(second), count_up(0, 320));
  }
  EXPECT_EQ(cache->blocks_reserved(), 0);
}

TEST(KvCache, reuses_the_longest_common_start_in_whole_blocks) {
  auto cache = make_cache(20);
  run_and_retire(*cache, count_up(0, 50));    // keeps 48
  run_and_retire(*cache, count_up(500, 20));  // keeps 16
  auto same = count_up(0, 50);
  same[40] = -1;
  EXPECT_EQ(cache->start(same, 60)->cached_tokens(), 32);
  EXPECT_EQ(cache->start(count_up(500, 20), 60)->cached_tokens(), 16);
  EXPECT_EQ(cache->start(count_up(900, 20), 60)->cached_tokens(), 0);
}

TEST(KvCache, leaves_at_least_one_prompt_token_to_compute) {
  auto cache = make_cache(20);
  run_and_retire(*cache, count_up(0, 64));
  EXPECT_EQ(cache->start(count_up(0, 48), 60)->cached_tokens(), 32);
  EXPECT_EQ(cache->start(count_up(0, 49), 60)->cached_tokens(), 48);
}

TEST(KvCache, shares_blocks_and_keeps_what_they_hold) {
  auto cache = make_cache(4);
  const auto tokens = count_up(0, 32);
  auto first = cache->start(tokens, 32);
  cache->extend(*first, 0, 32);
  store_marks(*first, 2, 0, 32);
  cache->retire(std::move(first), tokens);
  EXPECT_EQ(cache->blocks_used(), 2);
  auto second = cache->start(count_up(0, 33), 48);
  EXPECT_EQ(second->cached_tokens(), 32);
  expect_marks(*cache, *second, 1, 0, 32);
  EXPECT_EQ(cache->blocks_used(), 2);
}

TEST(KvCache, refuses_what_its_reservations_do_not_leave_room_for) {
  auto cache = make_cache(4);
  auto first = cache->start({1, 2}, 33);  // 3 blocks
  EXPECT_EQ(cache->start({1, 2}, 17), nullptr);
  auto second = cache->start({1, 2}, 16);
  EXPECT_NE(second, nullptr);
  first.reset();
  EXPECT_NE(cache->start({1, 2}, 48), nullptr);
}

TEST(KvCache, drops_the_least_recently_used_when_room_is_needed) {
  auto cache = make_cache(4);
  run_and_retire(*cache, count_up(0, 16));
  run_and_retire(*cache, count_up(100, 16));
  EXPECT_EQ(cache->start(count_up(0, 17), 17)->cached_tokens(), 16);  // now the newer one
  auto big = cache->start(count_up(900, 48), 48);
  cache->extend(*big, 0, 48);
  big.reset();
  EXPECT_EQ(cache->start(count_up(100, 17), 17)->cached_tokens(), 0);
  EXPECT_EQ(cache->start(count_up(0, 17), 17)->cached_tokens(), 16);
}

TEST(KvCache, forgets_the_end_of_a_sequence_and_leaves_shared_blocks_alone) {
  auto cache = make_cache(6);
  run_and_retire(*cache, count_up(0, 32));
  auto sequence = cache->start(count_up(0, 40), 80);
  ASSERT_EQ(sequence->cached_tokens(), 32);
  cache->extend(*sequence, 32, 70);  // 3 blocks of its own
  EXPECT_EQ(cache->blocks_used(), 5);
  cache->truncate(*sequence, 65);  // the last block is still begun
  EXPECT_EQ(cache->blocks_used(), 5);
  cache->truncate(*sequence, 41);
  EXPECT_EQ(cache->blocks_used(), 3);
  cache->extend(*sequence, 41, 80);  // the reservation is still there
  EXPECT_EQ(cache->blocks_used(), 5);
  cache->truncate(*sequence, 32);
  EXPECT_EQ(cache->blocks_used(), 2);
  sequence.reset();
  EXPECT_EQ(cache->blocks_reserved(), 0);
  EXPECT_EQ(cache->start(count_up(0, 40), 80)->cached_tokens(), 32);
}

TEST(KvCache, forgets_the_end_of_a_window_too) {
  auto cache = make_window_cache(200, 1);
  auto sequence = cache->start(count_up(0, 100), 200);
  compute(*cache, *sequence, 0, 100);
  const int64_t used = cache->blocks_used();
  cache->extend(*sequence, 100, 108);
  cache->truncate(*sequence, 101);
  EXPECT_EQ(cache->blocks_used(), used);
  cache->extend(*sequence, 101, 109);
  sequence.reset();
  EXPECT_EQ(cache->blocks_used(), 0);
}

TEST(KvCache, shares_nothing_between_variants) {
  auto cache = make_cache(8);
  auto first = cache->start(count_up(0, 32), 32, "a");
  cache->extend(*first, 0, 32);
  cache->retire(std::move(first), count_up(0, 32));
  EXPECT_EQ(cache->start(count_up(0, 33), 40)->cached_tokens(), 0);
  EXPECT_EQ(cache->start(count_up(0, 33), 40, "b")->cached_tokens(), 0);
  EXPECT_EQ(cache->start(count_up(0, 33), 40, "a")->cached_tokens(), 32);
}

TEST(KvCache, returns_every_block) {
  auto cache = make_cache(8);
  for (int i = 0; i < 100; ++i) run_and_retire(*cache, count_up(i * 1000, 40));
  EXPECT_EQ(cache->blocks_reserved(), 0);
  auto all = cache->start({}, 8 * kBlockTokens);
  ASSERT_NE(all, nullptr);
  cache->extend(*all, 0, 8 * kBlockTokens);
  EXPECT_EQ(cache->blocks_used(), 8);
  all.reset();
  EXPECT_EQ(cache->blocks_used(), 0);
}

TEST(KvCache, refuses_pools_whose_size_overflows_or_cannot_be_had) {
  for (const int64_t context : {int64_t{1} << 34, int64_t{1} << 40, INT64_MAX / 32}) {
    const KvShape shape =
        cpu::kv_shape(KvFormat::f32, 1 << 10, 1 << 12, 1 << 12, std::vector<int64_t>(1024));
    EXPECT_EQ(cpu::HostKv::allocate(plan_kv(shape, {context})).error().code, ErrorCode::too_large)
        << context;
  }
}

}  // namespace
}  // namespace plinth::engine
