// SPDX-License-Identifier: Apache-2.0
// Names that stand for models: who answers, who takes over, what the guard is asked.
#include <gtest/gtest.h>

#include <set>

#include "serving/testing/scripted_node.h"

namespace plinth::serving {
namespace {

using namespace testing;
using namespace std::chrono_literals;

TEST(ServingRoutes, an_alias_is_answered_by_its_model_and_listed) {
  Node node;
  ASSERT_TRUE(node.add("m", 1, replies("hi")).is_ok());
  ASSERT_TRUE(node.serving->add_route({"gpt-4o", {{"m"}}}).is_ok());
  const auto reply = node.serving->chat_whole(node.request(), hello("gpt-4o"));
  ASSERT_TRUE(reply.is_ok()) << reply.error().message;
  EXPECT_EQ(reply->text, "hi");
  // Policy speaks of models, whatever they were called by.
  for (const guard::Action& action : node.authorizer.actions()) {
    EXPECT_EQ(action.resource_id, "m");
    EXPECT_EQ(action.facts["model"]["name"], Json("m"));
  }
  const auto models = MUST(node.serving->models(node.request()), "everyone may list them");
  ASSERT_EQ(models.size(), 2u);
  EXPECT_EQ(models[1].name, "gpt-4o");
  EXPECT_EQ(models[1].kind, "route");
  EXPECT_EQ(models[1].detail, "to m");
  EXPECT_EQ(node.serving->default_model(), "m");
}

TEST(ServingRoutes, refuses_one_that_could_never_answer) {
  Node node;
  ASSERT_TRUE(node.add("m", 1, replies("hi")).is_ok());
  EXPECT_EQ(node.serving->add_route({"m", {{"m"}}}).error().code, ErrorCode::already_exists);
  const Status unknown = node.serving->add_route({"r", {{"m"}}, {"nope"}});
  EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
  EXPECT_EQ(unknown.error().message, "route r: no model 'nope'; this node serves m");
}

TEST(ServingRoutes, splits_requests_between_models) {
  Node node;
  ASSERT_TRUE(node.add("a", 1, replies("of a")).is_ok());
  ASSERT_TRUE(node.add("b", 2, replies("of b")).is_ok());
  ASSERT_TRUE(node.serving->add_route({"r", {{"a", 1}, {"b", 1}}}).is_ok());
  std::set<std::string> texts;
  for (int i = 0; i < 64; ++i) {  // all to one of them: once in 2^63
    const auto reply = node.serving->chat_whole(node.request(), hello("r"));
    ASSERT_TRUE(reply.is_ok()) << reply.error().message;
    texts.insert(reply->text);
  }
  EXPECT_EQ(texts, (std::set<std::string>{"of a", "of b"}));
}

TEST(ServingRoutes, falls_back_when_a_model_is_out_of_reach_and_soon_asks_it_no_more) {
  Node node;
  std::atomic<int> attempts{0};
  ASSERT_TRUE(node.add("dead", 1, unreachable(attempts)).is_ok());
  ASSERT_TRUE(node.add("dying", 2, unreachable(attempts)).is_ok());
  ASSERT_TRUE(node.add("backup", 3, replies("of the backup")).is_ok());
  ASSERT_TRUE(node.serving->add_route({"r", {{"dead"}}, {"dying", "backup"}}).is_ok());
  for (int i = 0; i < 8; ++i) {
    guard::Request request = node.request();
    request.request_id = "req_" + std::to_string(i);
    const auto reply = node.serving->chat_whole(request, hello("r"));
    ASSERT_TRUE(reply.is_ok()) << reply.error().message;
    EXPECT_EQ(reply->text, "of the backup");
    // Which model answered is told.
    const Json why = MUST(node.serving->explain(request, request.request_id), "it is kept");
    EXPECT_NE(why.dump().find("moved on from dying"), std::string::npos) << why.dump();
  }
  EXPECT_EQ(attempts, 4);  // two connects each, the first time
  for (const ModelStatus& status : MUST(node.serving->models(node.request()), "allowed")) {
    EXPECT_EQ(status.running, 0) << status.name;  // every slot was given back
  }
}

TEST(ServingRoutes, falls_back_when_a_model_is_full_and_waits_there_in_turn) {
  Gate large, small;
  Node node({.running_max = 1, .queue_max = 0});
  ASSERT_TRUE(node.add("large", 1, large.part()).is_ok());
  ASSERT_TRUE(node.add("small", 2, small.part()).is_ok());
  ASSERT_TRUE(node.serving->add_route({"r", {{"large"}}, {"small"}}).is_ok());
  auto first = MUST(node.serving->chat(node.request(), hello("r")), "large is free");
  auto second = MUST(node.serving->chat(node.request(), hello("r")), "small is free");
  EXPECT_TRUE(large.holds(1));
  EXPECT_TRUE(small.holds(1));
  const auto third = node.serving->chat(node.request(), hello("r"));
  ASSERT_TRUE(third.is_error());
  EXPECT_EQ(third.error().code, ErrorCode::overloaded);
  large.is_open = small.is_open = true;
  EXPECT_EQ(last_event(*first).reason, protocol::FinishReason::stop);
  EXPECT_EQ(last_event(*second).reason, protocol::FinishReason::stop);
}

TEST(ServingRoutes, a_call_that_moves_to_a_busy_model_waits_for_it) {
  Gate busy;
  std::atomic<int> attempts{0};
  Node node({.running_max = 1, .queue_max = 4});
  ASSERT_TRUE(node.add("dead", 1, unreachable(attempts)).is_ok());
  ASSERT_TRUE(node.add("busy", 2, busy.part()).is_ok());
  ASSERT_TRUE(node.serving->add_route({"r", {{"dead"}}, {"busy"}}).is_ok());
  auto holder = MUST(node.serving->chat(node.request(), hello("busy")), "busy is free");
  ASSERT_TRUE(busy.holds(1));
  auto mover = MUST(node.serving->chat(node.request(), hello("r")), "dead takes it first");
  const auto until = node.clock.now() + 10s;
  while (MUST(node.serving->model(node.request(), "busy"), "it is there").waiting == 0 &&
         node.clock.now() < until) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_FALSE(mover->try_next().has_value());
  busy.is_open = true;
  EXPECT_EQ(last_event(*holder).reason, protocol::FinishReason::stop);
  EXPECT_EQ(last_event(*mover).reason, protocol::FinishReason::stop);
}

TEST(ServingRoutes, a_rate_that_is_used_up_is_no_reason_to_fall_back) {
  Node node({.requests_per_second_max = 0.001});
  ASSERT_TRUE(node.add("a", 1, replies("of a")).is_ok());
  ASSERT_TRUE(node.add("b", 2, replies("of b")).is_ok());
  ASSERT_TRUE(node.serving->add_route({"r", {{"a"}}, {"b"}}).is_ok());
  EXPECT_TRUE(node.serving->chat_whole(node.request(), hello("r")).is_ok());
  EXPECT_EQ(node.serving->chat_whole(node.request(), hello("r")).error().code,
            ErrorCode::rate_limited);
}

TEST(ServingRoutes, a_request_that_falls_back_counts_for_its_rate) {
  Gate large;
  Node node({.running_max = 1, .queue_max = 0, .requests_per_second_max = 2});
  ASSERT_TRUE(node.add("large", 1, large.part()).is_ok());
  ASSERT_TRUE(node.add("small", 2, replies("of small")).is_ok());
  ASSERT_TRUE(node.serving->add_route({"r", {{"large"}}, {"small"}}).is_ok());
  auto holder = MUST(node.serving->chat(node.request("bob"), hello("large")), "large is free");
  ASSERT_TRUE(large.holds(1));
  int limited = 0;
  for (int i = 0; i < 8; ++i) {
    const auto reply = node.serving->chat_whole(node.request(), hello("r"));
    limited += reply.is_error() && reply.error().code == ErrorCode::rate_limited ? 1 : 0;
  }
  EXPECT_GE(limited, 1);
  large.is_open = true;
  EXPECT_EQ(last_event(*holder).reason, protocol::FinishReason::stop);
}

TEST(ServingRoutes, a_call_that_moves_waits_its_whole_time_anew) {
  Gate busy;
  const auto fails_late = [](const auto&, const auto&,
                             const auto&) -> Result<http::ClientResponse> {
    std::this_thread::sleep_for(1600ms);
    return answered(503, "{}");
  };
  Node node({.running_max = 1, .queue_max = 4, .queue_wait_max = 1500ms});
  ASSERT_TRUE(node.add("late", 1, fails_late).is_ok());
  ASSERT_TRUE(node.add("busy", 2, busy.part()).is_ok());
  ASSERT_TRUE(node.serving->add_route({"r", {{"late"}}, {"busy"}}).is_ok());
  auto holder = MUST(node.serving->chat(node.request(), hello("busy")), "busy is free");
  ASSERT_TRUE(busy.holds(1));
  auto mover = MUST(node.serving->chat(node.request(), hello("r")), "late takes it first");
  const auto until = node.clock.now() + 10s;
  while (MUST(node.serving->model(node.request(), "busy"), "it is there").waiting == 0 &&
         node.clock.now() < until) {
    std::this_thread::sleep_for(1ms);
  }
  std::this_thread::sleep_for(20ms);  // the dispatcher looks
  EXPECT_FALSE(mover->try_next().has_value());
  busy.is_open = true;
  EXPECT_EQ(last_event(*holder).reason, protocol::FinishReason::stop);
  EXPECT_EQ(last_event(*mover).reason, protocol::FinishReason::stop);
}

TEST(ServingRoutes, a_model_that_failed_lately_is_tried_where_no_fallback_takes_the_call) {
  Gate small;
  std::atomic<bool> is_failing{true};
  const auto hiccups = [&](const auto&, const OnBytes& on_bytes,
                           const auto&) -> Result<http::ClientResponse> {
    if (is_failing) return make_error(ErrorCode::unavailable, "connection refused");
    on_bytes(text_chunk("of large") + end_chunks("stop", 5, 2));
    return answered(200);
  };
  Node node({.running_max = 1, .queue_max = 0});
  ASSERT_TRUE(node.add("large", 1, hiccups).is_ok());
  ASSERT_TRUE(node.add("small", 2, small.part()).is_ok());
  ASSERT_TRUE(node.serving->add_route({"r", {{"large"}}, {"small"}}).is_ok());
  auto holder = MUST(node.serving->chat(node.request(), hello("r")), "small takes it");
  ASSERT_TRUE(small.holds(1));
  is_failing = false;
  const auto reply = node.serving->chat_whole(node.request(), hello("r"));
  ASSERT_TRUE(reply.is_ok()) << reply.error().message;
  EXPECT_EQ(reply->text, "of large");
  small.is_open = true;
  EXPECT_EQ(last_event(*holder).reason, protocol::FinishReason::stop);
}

TEST(ServingRoutes, a_model_that_the_guard_denies_answers_under_no_name) {
  Node node;
  ASSERT_TRUE(node.add("a", 1, replies("of a")).is_ok());
  ASSERT_TRUE(node.add("b", 2, replies("of b")).is_ok());
  ASSERT_TRUE(node.serving->add_route({"r", {{"a"}}, {"b"}}).is_ok());
  EXPECT_EQ(node.serving->chat_whole(node.request("mallory"), hello("r")).error().code,
            ErrorCode::denied);
  node.authorizer.deny_resource("a");
  const auto reply = node.serving->chat_whole(node.request(), hello("r"));
  ASSERT_TRUE(reply.is_ok()) << reply.error().message;
  EXPECT_EQ(reply->text, "of b");
  EXPECT_EQ(node.client.requests().size(), 1u);
  // That a was denied is no failure of a request that b answered.
  guard::Request request = node.request();
  request.request_id = "req_1";
  ASSERT_TRUE(node.serving->chat_whole(request, hello("r")).is_ok());
  const Json why = MUST(node.serving->explain(request, "req_1"), "it is kept");
  EXPECT_EQ(why["calls"].size(), 1u) << why.dump();
}

TEST(ServingRoutes, embeddings_fall_back_too) {
  Node node;
  std::atomic<int> attempts{0};
  ASSERT_TRUE(node.add("dead", 1, unreachable(attempts)).is_ok());
  ASSERT_TRUE(node.add("alive", 2,
                       [](const auto&, const auto&, const auto&) {
                         return answered(200, R"({"data":[{"embedding":[1,0]}]})");
                       })
                  .is_ok());
  ASSERT_TRUE(node.serving->add_route({"r", {{"dead"}}, {"alive"}}).is_ok());
  auto stream = MUST(node.serving->embed(node.request(), {"r", {{"text", {}}}}), "allowed");
  const auto end = last_event(*stream);
  EXPECT_EQ(end.kind, protocol::ChatEvent::Kind::finished) << end.error.message;
  EXPECT_EQ(end.vectors.size(), 1u);
}

}  // namespace
}  // namespace plinth::serving
