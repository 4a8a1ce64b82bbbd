// SPDX-License-Identifier: Apache-2.0
#include "engine/kv_cache/kv_cache.h"

#include <gtest/gtest.h>

#include <numeric>

namespace plinth::engine {
namespace {

constexpr KvShape kShape{2, 4, 6};

std::vector<Token> count_up(Token begin, size_t count) {
  std::vector<Token> tokens(count);
  std::iota(tokens.begin(), tokens.end(), begin);
  return tokens;
}

std::unique_ptr<KvCache> make_cache(int64_t blocks) {
  return KvCache::create(kShape, blocks).value();
}

// Runs a sequence to its end: as many tokens as the prompt has.
void run_and_retire(KvCache& cache, const std::vector<Token>& tokens) {
  auto sequence = cache.start(tokens, static_cast<int64_t>(tokens.size()));
  ASSERT_NE(sequence, nullptr);
  cache.extend(*sequence, static_cast<int64_t>(tokens.size()));
  cache.retire(std::move(sequence), tokens);
}

TEST(KvCache, gives_every_position_and_layer_its_own_place) {
  auto cache = make_cache(3);
  auto sequence = cache->start(count_up(0, 40), 40);
  cache->extend(*sequence, 40);
  float next = 0;
  for (int64_t layer = 0; layer < 2; ++layer) {
    for (int64_t position = 0; position < 40; ++position) {
      for (int i = 0; i < 4; ++i) sequence->key(layer, position)[i] = next++;
      for (int i = 0; i < 6; ++i) sequence->value(layer, position)[i] = next++;
    }
  }
  next = 0;
  for (int64_t layer = 0; layer < 2; ++layer) {
    for (int64_t position = 0; position < 40; ++position) {
      const int64_t block = position / kBlockTokens;
      const int64_t row = position % kBlockTokens;
      for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(sequence->key_block(layer, block)[row * 4 + i], next++);
      }
      for (int i = 0; i < 6; ++i) {
        EXPECT_EQ(sequence->value_block(layer, block)[row * 6 + i], next++);
      }
    }
  }
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
  cache->extend(*first, 32);
  first->key(1, 3)[2] = 42;
  cache->retire(std::move(first), tokens);
  EXPECT_EQ(cache->blocks_used(), 2);
  auto second = cache->start(count_up(0, 33), 48);
  EXPECT_EQ(second->cached_tokens(), 32);
  EXPECT_EQ(second->key(1, 3)[2], 42);
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
  cache->extend(*big, 48);
  big.reset();
  EXPECT_EQ(cache->start(count_up(100, 17), 17)->cached_tokens(), 0);
  EXPECT_EQ(cache->start(count_up(0, 17), 17)->cached_tokens(), 16);
}

TEST(KvCache, forgets_the_end_of_a_sequence_and_leaves_shared_blocks_alone) {
  auto cache = make_cache(6);
  run_and_retire(*cache, count_up(0, 32));
  auto sequence = cache->start(count_up(0, 40), 80);
  ASSERT_EQ(sequence->cached_tokens(), 32);
  const float* shared = sequence->key_block(0, 1);
  cache->extend(*sequence, 70);  // 3 blocks of its own
  sequence->key(1, 40)[0] = 7;
  EXPECT_EQ(cache->blocks_used(), 5);
  cache->truncate(*sequence, 65);  // the last block is still begun
  EXPECT_EQ(cache->blocks_used(), 5);
  cache->truncate(*sequence, 41);
  EXPECT_EQ(cache->blocks_used(), 3);
  EXPECT_EQ(sequence->key(1, 40)[0], 7);
  cache->extend(*sequence, 80);  // the reservation is still there
  EXPECT_EQ(cache->blocks_used(), 5);
  cache->truncate(*sequence, 32);
  EXPECT_EQ(cache->blocks_used(), 2);
  EXPECT_EQ(sequence->key_block(0, 1), shared);
  sequence.reset();
  EXPECT_EQ(cache->blocks_reserved(), 0);
  EXPECT_EQ(cache->start(count_up(0, 40), 80)->cached_tokens(), 32);
}

TEST(KvCache, shares_nothing_between_variants) {
  auto cache = make_cache(8);
  auto first = cache->start(count_up(0, 32), 32, "a");
  cache->extend(*first, 32);
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
  cache->extend(*all, 8 * kBlockTokens);
  EXPECT_EQ(cache->blocks_used(), 8);
  all.reset();
  EXPECT_EQ(cache->blocks_used(), 0);
}

TEST(KvCache, refuses_a_pool_whose_size_overflows) {
  EXPECT_EQ(KvCache::create({1 << 10, 1 << 20, 1 << 20}, INT32_MAX).error().code,
            ErrorCode::too_large);
}

}  // namespace
}  // namespace plinth::engine
