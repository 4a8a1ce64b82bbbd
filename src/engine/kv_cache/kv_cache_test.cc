// SPDX-License-Identifier: Apache-2.0
#include "engine/kv_cache/kv_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <span>

namespace plinth::engine {
namespace {

const KvShape kShape{KvFormat::f32, 2, 4, 6, 640, {0, 0}};
// Two layers that see all, then two with a window of 20 tokens; prompts in slices of 8 tokens.
const KvShape kWindowShape{KvFormat::f16, 2, 4, 6, 640, {0, 20, 0, 20}};
constexpr int64_t kSlice = 8;

std::vector<Token> count_up(Token begin, size_t count) {
  std::vector<Token> tokens(count);
  std::iota(tokens.begin(), tokens.end(), begin);
  return tokens;
}

std::unique_ptr<KvCache> make_cache(const KvShape& shape, const KvRoom& room) {
  return std::make_unique<KvCache>(std::make_unique<KvMemory>(plan_kv(shape, room)));
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

// The same as the batcher does it: blocks are shared as soon as they are full.
void compute_and_publish(KvCache& cache, KvSequence& sequence, std::span<const Token> tokens,
                         int64_t begin, int64_t end) {
  for (int64_t at = begin; at < end; at += kSlice) {
    const int64_t to = std::min(end, at + kSlice);
    cache.extend(sequence, at, to);
    cache.publish(sequence, tokens.first(static_cast<size_t>(to)), at);
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

TEST(KvCache, takes_less_room_for_layers_with_a_window) {
  const KvPlan plan = plan_kv(kWindowShape, {3200, 3, kSlice});
  ASSERT_EQ(plan.pools.size(), 2u);
  EXPECT_EQ(plan.pools[0].blocks, 3 * 200);
  EXPECT_EQ(plan.pools[1].blocks, 3 * 4);
  EXPECT_EQ(plan.bytes(), (600u + 12u) * 2 * 2 * 640);
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
  compute_and_publish(*cache, *first, tokens, 0, 100);
  cache->keep(*first);
  compute_and_publish(*cache, *first, tokens, 100, 200);
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

TEST(KvCache, never_runs_out_of_blocks_that_are_reserved) {
  auto cache = make_window_cache(320, 2);
  for (Token round = 0; round < 50; ++round) {
    const auto tokens = count_up(round * 1000, 320);
    auto first = cache->start(tokens, 320);
    auto second = cache->start(count_up(0, 320), 320);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(cache->start({1}, 1), nullptr);
    const int64_t cached = second->cached_tokens();
    const auto same = count_up(0, 320);
    for (int64_t at = 0; at < 320; at += kSlice) {
      compute_and_publish(*cache, *first, tokens, at, at + kSlice);
      if (at >= cached) compute_and_publish(*cache, *second, same, at, at + kSlice);
      if (at == 160) cache->keep(*first);
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

TEST(KvCache, refuses_what_its_reservations_do_not_leave_room_for) {
  auto cache = make_cache(4);
  auto first = cache->start({1, 2}, 33);  // 3 blocks
  EXPECT_EQ(cache->start({1, 2}, 17), nullptr);
  auto second = cache->start({1, 2}, 16);
  EXPECT_NE(second, nullptr);
  first.reset();
  EXPECT_NE(cache->start({1, 2}, 48), nullptr);
}

TEST(KvCache, shares_a_prompt_while_it_is_computed) {
  auto cache = make_cache(12);
  const auto tokens = count_up(0, 64);
  auto first = cache->start(tokens, 80);
  auto second = cache->start(tokens, 80);
  EXPECT_EQ(second->cached_tokens(), 0);
  cache->extend(*first, 0, 32);
  cache->publish(*first, std::span(tokens).first(32), 0);
  EXPECT_EQ(cache->adopt(*second, tokens, 0), 32);
  // The second goes ahead, and the first takes over what it has computed.
  cache->extend(*second, 32, 48);
  cache->publish(*second, std::span(tokens).first(48), 32);
  EXPECT_EQ(cache->adopt(*first, tokens, 32), 48);
  EXPECT_EQ(cache->blocks_used(), 3);
  // The last token is each one's own to compute.
  cache->extend(*first, 48, 64);
  cache->publish(*first, tokens, 48);
  EXPECT_EQ(cache->adopt(*second, tokens, 48), 48);
  EXPECT_EQ(second->cached_tokens(), 32);
  EXPECT_EQ(first->block(0, 2), second->block(0, 2));
}

TEST(KvCache, keeps_one_of_two_equal_blocks_once_both_are_computed) {
  auto cache = make_cache(12);
  const auto tokens = count_up(0, 33);
  auto first = cache->start(tokens, 48);
  auto second = cache->start(tokens, 48);
  for (KvSequence* sequence : {first.get(), second.get()}) {
    cache->extend(*sequence, 0, 32);
    cache->publish(*sequence, std::span(tokens).first(32), 0);
  }
  EXPECT_EQ(cache->blocks_used(), 4);  // rows of both are on their way
  cache->extend(*second, 32, 33);
  cache->publish(*second, tokens, 32);
  EXPECT_EQ(cache->blocks_used(), 3);
  EXPECT_EQ(first->block(0, 1), second->block(0, 1));
}

TEST(KvCache, forgets_what_a_failed_sequence_computed) {
  auto cache = make_cache(12);
  run_and_retire(*cache, count_up(0, 32));
  const auto tokens = count_up(0, 80);
  auto sequence = cache->start(tokens, 80);
  compute_and_publish(*cache, *sequence, tokens, sequence->cached_tokens(), 80);
  cache->discard(std::move(sequence));
  EXPECT_EQ(cache->blocks_used(), 2);
  EXPECT_EQ(cache->start(tokens, 80)->cached_tokens(), 32);
}

// Sequences of few tokens that begin alike come, go on, and end in every way, with hardly more
// blocks than they reserve.
TEST(KvCache, gives_every_block_back_whatever_sequences_do) {
  struct Running {
    std::unique_ptr<KvSequence> kv;
    std::vector<Token> tokens;
    int64_t computed = 0;
  };
  for (const KvShape& shape : {kShape, kWindowShape}) {
    auto cache = make_cache(shape, {160, 3, kSlice});
    std::minstd_rand random(7);
    std::vector<Running> running;
    for (int step = 0; step < 20'000; ++step) {
      if (random() % 4 == 0) {
        Running next;
        for (size_t i = 0; i < 40 + random() % 100; ++i) {
          next.tokens.push_back(static_cast<Token>(i % 16 == 0 ? random() % 2 : 0));
        }
        next.kv = cache->start(next.tokens, static_cast<int64_t>(next.tokens.size()));
        if (!next.kv) continue;
        next.computed = next.kv->cached_tokens();
        running.push_back(std::move(next));
      }
      if (running.empty()) continue;
      const size_t which = random() % running.size();
      Running& one = running[which];
      const auto size = static_cast<int64_t>(one.tokens.size());
      one.computed = cache->adopt(*one.kv, one.tokens, one.computed);
      const int64_t end = std::min(size, one.computed + kSlice);
      cache->extend(*one.kv, one.computed, end);
      cache->publish(*one.kv, std::span(one.tokens).first(static_cast<size_t>(end)), one.computed);
      one.computed = end;
      if (random() % 16 == 0) cache->keep(*one.kv);
      if (end < size && random() % 32 != 0) continue;
      const auto known = std::span(one.tokens).first(static_cast<size_t>(end));
      switch (random() % 3) {
        case 0:
          cache->retire(std::move(one.kv), known);
          break;
        case 1:
          cache->discard(std::move(one.kv));
          break;
        default:
          one.kv.reset();
      }
      running.erase(running.begin() + static_cast<ptrdiff_t>(which));
    }
    running.clear();
    EXPECT_EQ(cache->blocks_reserved(), 0);
    auto all = cache->start({}, 160);
    ASSERT_NE(all, nullptr);
    auto more = cache->start({}, 160);
    ASSERT_NE(more, nullptr);
    compute(*cache, *all, 0, 160);
    compute(*cache, *more, 0, 160);
  }
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

TEST(KvCache, gives_up_what_costs_little_before_what_is_often_wanted) {
  auto cache = make_cache(6);
  run_and_retire(*cache, count_up(0, 16));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(cache->start(count_up(0, 17), 17)->cached_tokens(), 16);
  for (Token round = 1; round < 6; ++round) {
    run_and_retire(*cache, count_up(1000 * round, 32));  // wanted by nobody else
  }
  EXPECT_EQ(cache->start(count_up(0, 17), 17)->cached_tokens(), 16);
  // What was often wanted once is not there forever.
  for (Token round = 10; round < 40; ++round) run_and_retire(*cache, count_up(1000 * round, 32));
  EXPECT_EQ(cache->start(count_up(0, 17), 17)->cached_tokens(), 0);
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

}  // namespace
}  // namespace plinth::engine
