// SPDX-License-Identifier: Apache-2.0
// Who shares with whom, who is next, and who makes room, through the engine's door over a tiny
// random model.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine/testing/collector.h"
#include "engine/testing/tiny_model.h"
#include "telemetry/metrics.h"

namespace plinth::engine {
namespace {

using testing::Collector;
using testing::TinyModel;

std::unique_ptr<Engine> load(int sequences_max, int64_t window = 0,
                             telemetry::Metrics* metrics = nullptr) {
  TinyModel model;
  model.context = 600;
  model.window = window;
  EngineOptions options;
  options.metrics = metrics;
  options.threads = 1;
  options.sequences_max = sequences_max;
  auto engine = testing::load_bytes(testing::tiny_model_bytes(model), options);
  EXPECT_TRUE(engine.is_ok()) << engine.error().message;
  return std::move(engine).value();
}

GenerateRequest request_of(size_t prompt, Token shift, int64_t max_tokens,
                           const std::string& group = {}) {
  GenerateRequest request;
  for (size_t i = 0; i < prompt; ++i) {
    request.prompt.push_back(static_cast<Token>((i * 37 + static_cast<size_t>(shift)) % 250));
  }
  request.sampling.temperature = 0;
  request.max_tokens = max_tokens;
  request.is_end_honoured = false;
  request.group = group;
  return request;
}

std::vector<Token> alone(const GenerateRequest& request, int64_t window = 0) {
  const auto engine = load(1, window);
  Collector collector;
  collector.submit(*engine, request);
  return collector.wait().tokens;
}

TEST(Schedule, computes_a_prompt_once_for_all_who_come_with_it) {
  const auto engine = load(8);
  const GenerateRequest request = request_of(500, 3, 10);
  std::vector<Collector> collectors(8);
  for (Collector& collector : collectors) collector.submit(*engine, request);
  int64_t computed = 0;
  for (Collector& collector : collectors) {
    const GenerateEvent end = collector.wait();
    computed += end.prompt_tokens - end.cached_tokens;
    EXPECT_EQ(end.tokens, alone(request));
  }
  // The prompt, and of each one the rest behind the last whole block, or a block that two had
  // begun.
  EXPECT_LE(computed, 500 + 7 * 2 * 16);
}

TEST(Schedule, shares_nothing_between_salts) {
  const auto engine = load(4);
  GenerateRequest request = request_of(100, 0, 5);
  Collector first;
  first.submit(*engine, request);
  first.wait();
  request.cache_salt = "tenant";
  Collector other;
  other.submit(*engine, request);
  EXPECT_EQ(other.wait().cached_tokens, 0);
  Collector again;
  again.submit(*engine, request);
  EXPECT_EQ(again.wait().cached_tokens, 96);
}

// With a window, too: what a sequence goes on with looks at blocks that it has to keep meanwhile.
TEST(Schedule, makes_room_for_a_tenant_that_has_less_and_changes_no_reply) {
  for (const int64_t window : {0, 24}) {
    SCOPED_TRACE(window);
    telemetry::Metrics metrics;
    const auto engine = load(2, window, &metrics);
    std::vector<Collector> flood(6);
    std::vector<GenerateRequest> requests;
    for (Token i = 0; i < 6; ++i) {
      requests.push_back(request_of(40 + 10 * static_cast<size_t>(i), i, 400, "flood/p"));
      flood[static_cast<size_t>(i)].submit(*engine, requests.back());
    }
    flood[0].wait_for_text();
    flood[1].wait_for_text();
    const GenerateRequest small = request_of(60, 77, 8, "small/p");
    Collector newcomer;
    newcomer.submit(*engine, small);
    EXPECT_EQ(newcomer.wait().tokens, alone(small, window));
    // It did not wait for those who came before it.
    EXPECT_GE(engine->load().waiting, 3);
    int preemptions = 0;
    for (size_t i = 0; i < 6; ++i) {
      const GenerateEvent end = flood[i].wait();
      preemptions += end.preemptions;
      EXPECT_EQ(end.tokens, alone(requests[i], window)) << i;
      EXPECT_EQ(end.cached_tokens, 0) << i;
    }
    EXPECT_GE(preemptions, 1);
  }
}

TEST(Schedule, counts_no_more_of_a_prompt_as_cached_than_it_has) {
  telemetry::Metrics metrics;
  const auto engine = load(4, 0, &metrics);
  GenerateRequest request = request_of(31, 0, 200);
  request.is_end_honoured = true;
  request.grammar =
      GrammarText{GrammarText::Kind::gbnf, "root ::= \"" + std::string(100, 'a') + "\""};
  for (int i = 0; i < 3; ++i) {
    Collector collector;
    collector.submit(*engine, request);
    const GenerateEvent end = collector.wait();
    EXPECT_LE(end.cached_tokens, 31);
    EXPECT_GE(end.completion_tokens, 1);
  }
}

TEST(Schedule, ends_one_that_made_room_and_is_cancelled_before_it_comes_back) {
  telemetry::Metrics metrics;
  const auto engine = load(1, 0, &metrics);
  const GenerateRequest first = request_of(300, 1, 250, "tenant/p");
  Collector warm;
  warm.submit(*engine, first);
  warm.wait();
  Collector running;
  const SequenceId id = running.submit(*engine, first);  // its prompt is cached
  running.wait_for_text();
  std::vector<Collector> urgent(3);
  for (Token i = 0; i < 3; ++i) {
    GenerateRequest request = request_of(300, i + 2, 200, "tenant/p");
    request.priority = 1;
    urgent[static_cast<size_t>(i)].submit(*engine, request);
  }
  urgent[0].wait();
  engine->cancel(id);
  EXPECT_EQ(running.wait().reason, GenerateEvent::Reason::cancelled);
  for (Collector& collector : urgent) collector.wait();
}

TEST(Schedule, lets_priority_go_first_within_a_tenant) {
  const auto engine = load(1);
  Collector running;
  const GenerateRequest batch = request_of(40, 1, 500, "tenant/p");
  running.submit(*engine, batch);
  running.wait_for_text();
  GenerateRequest urgent = request_of(40, 2, 5, "tenant/p");
  urgent.priority = 1;
  Collector first;
  first.submit(*engine, urgent);
  EXPECT_EQ(first.wait().tokens, alone(urgent));
  const GenerateEvent end = running.wait();
  EXPECT_EQ(end.preemptions, 1);
  EXPECT_EQ(end.tokens, alone(batch));
}

TEST(Schedule, ends_what_is_moved_out_again_and_again) {
  const auto engine = load(1);
  Collector running;
  const GenerateRequest batch = request_of(40, 1, 500, "tenant/p");
  running.submit(*engine, batch);
  running.wait_for_text();
  std::vector<Collector> urgent(20);
  for (Token i = 0; i < 20; ++i) {
    GenerateRequest request = request_of(30, i + 2, 3, "tenant/p");
    request.priority = 1;
    urgent[static_cast<size_t>(i)].submit(*engine, request);
  }
  EXPECT_EQ(running.wait().tokens, alone(batch));
  EXPECT_LE(running.wait().preemptions, 3);
  for (Collector& collector : urgent) EXPECT_EQ(collector.wait().tokens.size(), 3u);
}

}  // namespace
}  // namespace plinth::engine
