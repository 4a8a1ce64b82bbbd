// SPDX-License-Identifier: Apache-2.0
// What the router learns from the calls it sent.
#include "serving/router/ledger.h"

#include <gtest/gtest.h>

#include "serving/router/strategies.h"

namespace plinth::serving {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

MonotonicTime at(Duration since_start) { return MonotonicTime(since_start); }

protocol::ChatRequest conversation(const std::vector<std::string>& words) {
  protocol::ChatRequest chat;
  for (const std::string& text : words) {
    protocol::Message message;
    message.content = text;
    chat.messages.push_back(message);
  }
  return chat;
}

TEST(PromptShape, prompts_share_marks_exactly_as_far_as_their_messages_are_equal) {
  const PromptShape first = shape_of(conversation({"be brief", "hello", "and then?"}));
  const PromptShape second = shape_of(conversation({"be brief", "hello", "why?"}));
  ASSERT_EQ(first.prefixes.size(), 3u);
  EXPECT_EQ(first.prefixes[1].hash, second.prefixes[1].hash);
  EXPECT_NE(first.prefixes[2].hash, second.prefixes[2].hash);
  const PromptShape other = shape_of(conversation({"be long", "hello"}));
  EXPECT_NE(first.prefixes[1].hash, other.prefixes[1].hash);
}

PromptShape shape_of_text(std::string text) {
  protocol::ChatRequest chat;
  chat.prompt = protocol::PlainPrompt{std::move(text), {}};
  return shape_of(chat);
}

size_t marks_shared(const PromptShape& a, const PromptShape& b) {
  size_t shared = 0;
  while (shared < std::min(a.prefixes.size(), b.prefixes.size()) &&
         a.prefixes[shared].hash == b.prefixes[shared].hash) {
    ++shared;
  }
  return shared;
}

TEST(PromptShape, plain_prompts_of_any_length_share_the_marks_of_an_equal_start) {
  const std::string start(100'000, 'x');
  const PromptShape first = shape_of_text(start + "one");
  const PromptShape second = shape_of_text(start + std::string(5'000'000, 'y'));
  const size_t shared = marks_shared(first, second);
  ASSERT_GT(shared, 0u);
  // Of the start at most a sixteenth is not covered.
  EXPECT_GT(first.prefixes[shared - 1].tokens, 100'000 / 4 * 14 / 16);
  EXPECT_EQ(marks_shared(first, shape_of_text("z" + start)), 0u);
  EXPECT_LT(shape_of_text(std::string(8u << 20, 'x')).prefixes.size(), 150u);
  EXPECT_EQ(first.prefixes.back().tokens, first.tokens);
  EXPECT_TRUE(shape_of_text("").prefixes.empty());
}

TEST(PromptShape, tokens_are_counted_and_are_no_text) {
  protocol::ChatRequest chat;
  chat.prompt = protocol::PlainPrompt{"", std::vector<int32_t>(1000, 0x78787878)};
  const PromptShape shape = shape_of(chat);
  EXPECT_EQ(shape.tokens, 1000);
  EXPECT_EQ(marks_shared(shape, shape_of_text(std::string(4000, 'x'))), 0u);
}

TEST(PromptShape, counts_about_a_token_for_four_bytes) {
  const PromptShape shape = shape_of(conversation({std::string(4000, 'x')}));
  EXPECT_NEAR(static_cast<double>(shape.tokens), 1000, 10);
}

TEST(Ledger, learns_rates_from_calls_that_end) {
  ReplicaLedger ledger(false);
  const PromptShape shape = shape_of(conversation({std::string(4000, 'x')}));
  ledger.started("a", shape, 100, at(seconds(0)));
  ledger.first_token("a", at(seconds(2)));
  ledger.finished("a", {.prompt_tokens = 1000, .completion_tokens = 101}, at(seconds(4)));
  EXPECT_DOUBLE_EQ(ledger.prefill_tokens_per_s(), 500);
  EXPECT_DOUBLE_EQ(ledger.decode_tokens_per_s(), 50);
  // A faster one moves them by a fifth.
  ledger.started("b", shape, 100, at(seconds(10)));
  ledger.first_token("b", at(seconds(11)));
  ledger.finished("b", {.prompt_tokens = 1000, .completion_tokens = 101}, at(seconds(12)));
  EXPECT_DOUBLE_EQ(ledger.prefill_tokens_per_s(), 600);
  EXPECT_DOUBLE_EQ(ledger.decode_tokens_per_s(), 60);
}

TEST(Ledger, tells_prompts_that_wait_from_sequences_that_decode) {
  ReplicaLedger ledger(false);
  const PromptShape shape = shape_of(conversation({std::string(400, 'x')}));
  ledger.started("a", shape, 100, at(seconds(0)));
  ledger.started("b", shape, 100, at(seconds(0)));
  ledger.first_token("a", at(seconds(1)));
  const auto candidate = ledger.candidate("r", {}, 0, shape, at(seconds(1)));
  EXPECT_EQ(candidate.running, 1);
  EXPECT_EQ(candidate.queue_tokens, shape.tokens);
  EXPECT_EQ(candidate.queue_output_tokens, 0);
  // With two slots taken, a third call waits for one of them.
  const auto full = ledger.candidate("r", {}, 2, shape, at(seconds(1)));
  EXPECT_EQ(full.queue_output_tokens, 100);
}

TEST(Ledger, avoids_an_unreachable_replica_for_a_while) {
  ReplicaLedger ledger(false);
  const PromptShape shape = shape_of(conversation({"hello"}));
  ledger.started("a", shape, 100, at(seconds(0)));
  ledger.failed("a", true, at(seconds(1)));
  EXPECT_FALSE(ledger.candidate("r", {}, 0, shape, at(seconds(2))).is_healthy);
  EXPECT_TRUE(ledger.candidate("r", {}, 0, shape, at(seconds(1) + kUnhealthyFor)).is_healthy);
  // A refusal is an answer: the replica is there.
  ledger.started("b", shape, 100, at(seconds(10)));
  ledger.failed("b", false, at(seconds(10)));
  EXPECT_TRUE(ledger.candidate("r", {}, 0, shape, at(seconds(10))).is_healthy);
}

TEST(Ledger, credits_prompt_starts_it_has_seen_only_to_replicas_that_reuse_them) {
  const PromptShape first = shape_of(conversation({std::string(400, 's'), "one"}));
  const PromptShape second = shape_of(conversation({std::string(400, 's'), "two"}));
  ReplicaLedger native(true);
  native.started("a", first, 10, at(seconds(0)));
  EXPECT_EQ(native.candidate("r", {}, 0, second, at(seconds(0))).cached_prefix_tokens,
            second.prefixes[0].tokens);

  ReplicaLedger upstream(false);
  upstream.started("a", first, 10, at(seconds(0)));
  EXPECT_EQ(upstream.candidate("r", {}, 0, second, at(seconds(0))).cached_prefix_tokens, 0);
  upstream.finished("a", {.prompt_tokens = 100, .completion_tokens = 5, .cached_tokens = 90},
                    at(seconds(1)));
  EXPECT_GT(upstream.candidate("r", {}, 0, second, at(seconds(1))).cached_prefix_tokens, 0);
}

TEST(Ledger, forgets_old_prompt_starts_and_stays_bounded) {
  ReplicaLedger ledger(true);
  const PromptShape first = shape_of(conversation({"the first"}));
  ledger.started("first", first, 10, at(seconds(0)));
  EXPECT_GT(ledger.candidate("r", {}, 0, first, at(seconds(0))).cached_prefix_tokens, 0);
  for (size_t i = 0; i < ReplicaLedger::kPrefixesMax; ++i) {
    const std::string call = std::to_string(i);
    ledger.started(call, shape_of(conversation({call})), 10, at(seconds(0)));
    ledger.failed(call, false, at(seconds(0)));
  }
  EXPECT_EQ(ledger.candidate("r", {}, 0, first, at(seconds(0))).cached_prefix_tokens, 0);
}

TEST(Strategies, every_row_of_the_table_routes) {
  decisions::RouteState state;
  state.candidates.resize(1);
  state.candidates[0].id = "only";
  for (const StrategyRow& row : strategy_table()) {
    EXPECT_EQ(row.choose(state, {10, 10}).id, "only") << row.name;
    EXPECT_EQ(find_strategy(row.name), row.choose);
    EXPECT_FALSE(row.meaning.empty());
  }
}

}  // namespace
}  // namespace plinth::serving
