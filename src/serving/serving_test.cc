// SPDX-License-Identifier: Apache-2.0
// Serving as its callers see it, over upstreams whose part a test plays: authorization, slots and
// queue, deadlines, cancellation, other replicas, metrics and events.
#include "serving/serving.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "serving/channel.h"
#include "serving/testing/scripted_node.h"

namespace plinth::serving {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using protocol::ChatEvent;
using protocol::FinishReason;

TEST(Serving, answers_from_the_default_model_when_none_is_named) {
  Node node;
  EXPECT_EQ(node.serving->default_model(), "");
  ASSERT_TRUE(node.add("m", 1, replies("hi")).is_ok());
  EXPECT_EQ(node.serving->default_model(), "m");
  const auto reply = node.serving->chat_whole(node.request(), hello(""));
  ASSERT_TRUE(reply.is_ok()) << reply.error().message;
  EXPECT_EQ(reply->text, "hi");
  EXPECT_EQ(reply->usage.prompt_tokens, 5);
  EXPECT_EQ(reply->reason, FinishReason::stop);
}

TEST(Serving, says_how_long_a_reply_took) {
  Node node;
  ASSERT_TRUE(node.add("m", 1,
                       [](const auto&, const OnBytes& on_bytes, const auto&) {
                         std::this_thread::sleep_for(2ms);
                         on_bytes(text_chunk("hi"));
                         std::this_thread::sleep_for(2ms);
                         on_bytes(end_chunks("stop", 5, 2));
                         return answered(200);
                       })
                  .is_ok());
  const auto reply = node.serving->chat_whole(node.request(), hello());
  ASSERT_TRUE(reply.is_ok()) << reply.error().message;
  EXPECT_GE(reply->times.wait_ns, 0);
  EXPECT_GE(reply->times.prompt_ns, 2'000'000);
  EXPECT_GE(reply->times.reply_ns, 2'000'000);
}

TEST(Serving, cannot_count_the_tokens_of_a_remote_servers_prompts) {
  Node node;
  ASSERT_TRUE(node.add("m", 1, replies("hi")).is_ok());
  EXPECT_EQ(node.serving->count_tokens(node.request(), hello()).error().code,
            ErrorCode::unsupported);
  EXPECT_EQ(node.serving->count_tokens(node.request(), hello("x")).error().code,
            ErrorCode::not_found);
  EXPECT_EQ(node.serving->count_tokens(node.request("mallory"), hello()).error().code,
            ErrorCode::denied);
  EXPECT_EQ(node.authorizer.actions()[0].kind, guard::ActionKind::model_call);
  EXPECT_TRUE(node.client.requests().empty());
}

TEST(Serving, asks_the_authorizer_before_everything_and_tells_it_no_words) {
  Node node;
  ASSERT_TRUE(node.add("m", 1, replies("hi")).is_ok());
  protocol::ChatRequest chat = hello();
  chat.tools.push_back({"read_file", "reads", Json::object()});
  ASSERT_TRUE(node.serving->chat_whole(node.request(), chat).is_ok());
  const auto actions = node.authorizer.actions();
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].kind, guard::ActionKind::model_call);
  EXPECT_EQ(actions[0].resource_type, "model");
  EXPECT_EQ(actions[0].resource_id, "m");
  EXPECT_EQ(actions[0].facts["model"]["kind"].as_string(), "upstream");
  EXPECT_TRUE(actions[0].facts["model"]["is_local"].as_bool());
  EXPECT_EQ(actions[0].facts["messages"].as_int(), 1);
  EXPECT_EQ(actions[0].facts["tools"].items().front().as_string(), "read_file");
  EXPECT_EQ(actions[0].facts.dump().find("hello"), std::string::npos);

  EXPECT_EQ(node.serving->chat(node.request("mallory"), hello()).error().code, ErrorCode::denied);
  EXPECT_EQ(node.serving->models(node.request("mallory")).error().code, ErrorCode::denied);
  EXPECT_EQ(node.serving->model(node.request("mallory"), "m").error().code, ErrorCode::denied);
  EXPECT_EQ(node.client.requests().size(), 1u);
}

TEST(Serving, names_the_models_it_has_when_asked_for_another) {
  Node node;
  ASSERT_TRUE(node.add("m", 1, replies("hi")).is_ok());
  const auto stream = node.serving->chat(node.request(), hello("other"));
  EXPECT_EQ(stream.error().code, ErrorCode::not_found);
  EXPECT_NE(stream.error().message.find("this node serves m"), std::string::npos);
  EXPECT_EQ(node.serving->model(node.request(), "other").error().code, ErrorCode::not_found);
}

TEST(Serving, retries_on_another_replica_after_connect_failure) {
  Node node;
  std::atomic<int> attempts{0};
  ASSERT_TRUE(node.add("m", 1, unreachable(attempts)).is_ok());
  ASSERT_TRUE(node.add("m", 2, replies("from the second")).is_ok());
  for (int i = 0; i < 8; ++i) {
    const auto reply = node.serving->chat_whole(node.request(), hello());
    ASSERT_TRUE(reply.is_ok()) << reply.error().message;
    EXPECT_EQ(reply->text, "from the second");
  }
  // Two connects by the upstream itself; after that it is avoided for a while.
  EXPECT_EQ(attempts, 2);
  EXPECT_NE(node.metrics.prometheus_text().find("plinth_router_retries_total"), std::string::npos);
}

TEST(Serving, fails_with_the_cause_when_no_replica_can_be_reached) {
  Node node;
  std::atomic<int> attempts{0};
  ASSERT_TRUE(node.add("m", 1, unreachable(attempts)).is_ok());
  ASSERT_TRUE(node.add("m", 2, unreachable(attempts)).is_ok());
  const auto reply = node.serving->chat_whole(node.request(), hello());
  EXPECT_EQ(reply.error().code, ErrorCode::unavailable);
  EXPECT_NE(reply.error().message.find("connection refused"), std::string::npos);
  EXPECT_EQ(attempts, 4);
}

TEST(Serving, does_not_move_a_reply_that_has_begun) {
  Node node;
  ASSERT_TRUE(node.add("m", 1,
                       [](const auto&, const OnBytes& on_bytes,
                          const auto&) -> Result<http::ClientResponse> {
                         on_bytes(text_chunk("half"));
                         return make_error(ErrorCode::unavailable, "connection reset");
                       })
                  .is_ok());
  std::atomic<int> second{0};
  ASSERT_TRUE(node.add("m", 2, unreachable(second)).is_ok());
  // Whichever is tried first, the half reply ends as a failure and is never followed by another.
  const auto stream = node.serving->chat(node.request(), hello());
  ASSERT_TRUE(stream.is_ok());
  EXPECT_EQ(last_event(**stream).error.code, ErrorCode::upstream_failed);
}

TEST(Serving, queues_in_order_and_refuses_with_retry_after_when_the_queue_is_full) {
  Gate gate;
  Node node({.running_max = 1, .queue_max = 2});
  ASSERT_TRUE(node.add("m", 1, gate.part()).is_ok());
  std::vector<std::unique_ptr<ChatStream>> streams;
  for (int i = 0; i < 3; ++i) {
    auto stream = node.serving->chat(node.request(), hello());
    ASSERT_TRUE(stream.is_ok()) << stream.error().message;
    streams.push_back(std::move(*stream));
  }
  const auto refused = node.serving->chat(node.request(), hello());
  ASSERT_TRUE(refused.is_error());
  EXPECT_EQ(refused.error().code, ErrorCode::overloaded);
  EXPECT_GE(refused.error().retry_after_ms.value_or(0), 1000);
  ASSERT_TRUE(gate.holds(1));
  const auto status = node.serving->model(node.request(), "m");
  EXPECT_EQ(status->running, 1);
  EXPECT_EQ(status->waiting, 2);
  gate.is_open = true;
  for (const auto& stream : streams) {
    EXPECT_EQ(last_event(*stream).reason, FinishReason::stop);
  }
  EXPECT_TRUE(node.publishes("\"event\":\"finished\""));
  EXPECT_NE(node.metrics.prometheus_text().find("plinth_admission_refused_total"),
            std::string::npos);
}

TEST(Serving, moves_a_plain_prompt_to_another_replica) {
  Node node;
  const auto refuses = [](const auto&, const auto&, const auto&) { return answered(503, "{}"); };
  ASSERT_TRUE(node.add("m", 1, refuses).is_ok());
  ASSERT_TRUE(node.add("m", 2, replies("hi")).is_ok());
  protocol::ChatRequest chat;
  chat.model = "m";
  chat.prompt = protocol::PlainPrompt{"Once", {}};
  for (int i = 0; i < 2; ++i) {
    const auto reply = node.serving->chat_whole(node.request(), chat);
    ASSERT_TRUE(reply.is_ok()) << reply.error().message;
    EXPECT_EQ(reply->text, "hi");
  }
}

TEST(Serving, has_no_tokenizer_of_an_upstream_and_tells_only_who_may_call_it) {
  Node node;
  ASSERT_TRUE(node.add("m", 1, replies("hi")).is_ok());
  TokenizeCall call;
  call.chat.prompt = protocol::PlainPrompt{"hi", {}};
  const auto refused = node.serving->tokenize(node.request(), call);
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
  EXPECT_EQ(refused.error().param, "model");
  EXPECT_EQ(node.serving->detokenize(node.request(), "m", {1}).error().code,
            ErrorCode::unsupported);
  EXPECT_EQ(node.serving->detokenize(node.request(), "x", {1}).error().code, ErrorCode::not_found);
  EXPECT_EQ(node.serving->detokenize(node.request("mallory"), "x", {1}).error().code,
            ErrorCode::denied);
  EXPECT_EQ(node.serving->tokenize(node.request("mallory"), call).error().code, ErrorCode::denied);
  EXPECT_EQ(node.authorizer.actions()[0].kind, guard::ActionKind::model_call);
}

TEST(Serving, limits_a_principals_rate_and_leaves_others_alone) {
  Node node({.requests_per_second_max = 1});
  ASSERT_TRUE(node.add("m", 1, replies("hi")).is_ok());
  ASSERT_TRUE(node.serving->chat_whole(node.request("alice"), hello()).is_ok());
  const auto again = node.serving->chat_whole(node.request("alice"), hello());
  EXPECT_EQ(again.error().code, ErrorCode::rate_limited);
  EXPECT_EQ(again.error().retry_after_ms, 1000);
  EXPECT_TRUE(node.serving->chat_whole(node.request("bob"), hello()).is_ok());
}

TEST(Serving, an_outgrown_reply_that_its_reader_leaves_stops_the_upstream) {
  std::atomic<bool> is_sent{false};
  std::atomic<bool> is_cancelled{false};
  Node node;
  const auto part = [&](const auto&, const OnBytes& on_bytes,
                        const Cancellation& cancellation) -> Result<http::ClientResponse> {
    const std::string part_of_it(64u << 10, 'x');
    for (size_t sent = 0; sent <= kChannelBytesMax; sent += part_of_it.size()) {
      on_bytes(text_chunk(part_of_it));
    }
    is_sent = true;
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (!cancellation.is_cancelled() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(1ms);
    }
    is_cancelled = cancellation.is_cancelled();
    return make_error(ErrorCode::cancelled, "cancelled");
  };
  ASSERT_TRUE(node.add("m", 1, part).is_ok());
  auto stream = MUST(node.serving->chat(node.request(), hello()), "the model is there");
  const auto until = std::chrono::steady_clock::now() + 10s;
  std::optional<ChatEvent> last;
  while (!is_sent) std::this_thread::sleep_for(1ms);  // unread meanwhile
  while ((!last || last->kind != ChatEvent::Kind::failed) &&
         std::chrono::steady_clock::now() < until) {
    if (auto event = stream->next(100ms)) last = std::move(event);
  }
  ASSERT_TRUE(last.has_value());
  ASSERT_EQ(last->error.code, ErrorCode::overloaded);
  stream->cancel();
  stream.reset();
  node.serving.reset();
  EXPECT_TRUE(is_cancelled);
}

TEST(Serving, cancelling_sixteen_replies_frees_their_slots) {
  Gate gate;
  Node node({.running_max = 16, .queue_max = 16});
  ASSERT_TRUE(node.add("m", 1, gate.part()).is_ok());
  std::vector<std::unique_ptr<ChatStream>> streams;
  for (int i = 0; i < 32; ++i) {
    auto stream = node.serving->chat(node.request(), hello());
    ASSERT_TRUE(stream.is_ok()) << stream.error().message;
    streams.push_back(std::move(*stream));
  }
  ASSERT_TRUE(gate.holds(16));
  // The first half by cancelling, the second by walking away.
  for (size_t i = 0; i < 8; ++i) {
    streams[i]->cancel();
    EXPECT_EQ(last_event(*streams[i]).reason, FinishReason::cancelled);
  }
  for (size_t i = 8; i < 16; ++i) streams[i].reset();
  // Those who waited run now.
  for (size_t i = 16; i < 32; ++i) {
    const auto word = streams[i]->next(10s);
    ASSERT_TRUE(word.has_value());
    EXPECT_EQ(word->text, "word");
  }
  EXPECT_EQ(gate.cancelled, 16);
  gate.is_open = true;
  for (size_t i = 16; i < 32; ++i) EXPECT_EQ(last_event(*streams[i]).reason, FinishReason::stop);
}

TEST(Serving, a_cancelled_request_leaves_the_queue) {
  Gate gate;
  Node node({.running_max = 1, .queue_max = 1});
  ASSERT_TRUE(node.add("m", 1, gate.part()).is_ok());
  const auto running = node.serving->chat(node.request(), hello());
  guard::Request request = node.request();
  const auto waiting = node.serving->chat(request, hello());
  ASSERT_TRUE(waiting.is_ok());
  request.cancellation.cancel();
  EXPECT_EQ(last_event(**waiting).reason, FinishReason::cancelled);
  EXPECT_TRUE(node.serving->chat(node.request(), hello()).is_ok());
  gate.is_open = true;
}

TEST(Serving, a_passed_deadline_ends_a_reply_and_frees_its_slot) {
  Gate gate;
  Node node({.running_max = 1, .queue_max = 1});
  ASSERT_TRUE(node.add("m", 1, gate.part()).is_ok());
  guard::Request request = node.request();
  request.deadline = Deadline::after(node.clock, 50ms);
  const auto reply = node.serving->chat_whole(request, hello());
  EXPECT_EQ(reply.error().code, ErrorCode::deadline_exceeded);
  EXPECT_TRUE(gate.holds(0));
  EXPECT_EQ(gate.cancelled, 1);
  gate.is_open = true;
  EXPECT_TRUE(node.serving->chat_whole(node.request(), hello()).is_ok());
}

TEST(Serving, gives_up_on_a_request_that_waited_too_long) {
  Gate gate;
  Node node({.running_max = 1, .queue_max = 4, .queue_wait_max = 30ms});
  ASSERT_TRUE(node.add("m", 1, gate.part()).is_ok());
  const auto running = node.serving->chat(node.request(), hello());
  const auto reply = node.serving->chat_whole(node.request(), hello());
  EXPECT_EQ(reply.error().code, ErrorCode::overloaded);
  EXPECT_TRUE(reply.error().retry_after_ms.has_value());
  gate.is_open = true;
}

TEST(Serving, streams_that_outlive_it_end_with_cancelled) {
  Gate gate;
  Node node({.running_max = 1, .queue_max = 1});
  ASSERT_TRUE(node.add("m", 1, gate.part()).is_ok());
  const auto running = node.serving->chat(node.request(), hello());
  const auto waiting = node.serving->chat(node.request(), hello());
  ASSERT_TRUE(gate.holds(1));
  node.serving.reset();
  EXPECT_EQ(last_event(**running).error.code, ErrorCode::cancelled);
  EXPECT_EQ(last_event(**waiting).error.code, ErrorCode::cancelled);
}

TEST(Serving, a_model_that_cannot_be_loaded_says_why_and_is_listed_as_failed) {
  Node node;
  ModelSpec spec;
  spec.name = "missing";
  spec.path = "/nowhere/model.gguf";
  const Status added = node.serving->add_model(spec);
  ASSERT_TRUE(added.is_error());
  const auto status = node.serving->model(node.request(), "missing");
  ASSERT_TRUE(status.is_ok());
  EXPECT_EQ(status->state, "failed");
  EXPECT_EQ(status->detail, added.error().message);
  EXPECT_EQ(node.serving->default_model(), "");
  EXPECT_EQ(node.serving->chat(node.request(), hello("missing")).error().code,
            ErrorCode::unavailable);
}

TEST(Serving, publishes_when_a_reply_starts_and_ends_without_its_text) {
  Node node;
  ASSERT_TRUE(node.add("m", 1, replies("secret words")).is_ok());
  ASSERT_TRUE(node.serving->chat_whole(node.request(), hello()).is_ok());
  EXPECT_TRUE(node.publishes("\"event\":\"started\""));
  EXPECT_TRUE(node.publishes("\"event\":\"finished\""));
  EXPECT_FALSE(node.publishes("secret", 0ms));
  for (const std::string& payload : node.events.payloads()) {
    EXPECT_EQ(payload.find("secret"), std::string::npos);
    EXPECT_EQ(payload.find("hello"), std::string::npos);
  }
  const std::string metrics = node.metrics.prometheus_text();
  EXPECT_NE(metrics.find("gen_ai_server_time_to_first_token_seconds"), std::string::npos);
  EXPECT_NE(metrics.find("gen_ai_client_token_usage"), std::string::npos);
}

TEST(Serving, explains_a_request_to_its_tenant_while_it_runs_and_afterwards) {
  Gate gate;
  Node node;
  std::atomic<int> attempts{0};
  ASSERT_TRUE(node.add("m", 1, unreachable(attempts)).is_ok());
  ASSERT_TRUE(node.add("m", 2, gate.part()).is_ok());
  guard::Request request = node.request();
  request.request_id = "req_1";
  const auto stream = node.serving->chat(request, hello());
  ASSERT_TRUE(stream.is_ok());
  ASSERT_TRUE(gate.holds(1));
  const auto running = node.serving->explain(node.request(), "req_1");
  ASSERT_TRUE(running.is_ok()) << running.error().message;
  EXPECT_EQ((*running)["calls"].items().front()["state"].as_string(), "running");
  gate.is_open = true;
  EXPECT_EQ(last_event(**stream).reason, FinishReason::stop);
  const auto ended = node.serving->explain(node.request(), "req_1");
  ASSERT_TRUE(ended.is_ok());
  EXPECT_EQ((*ended)["decisions"].items().front().as_string(), "dec_1");
  const Json& call = (*ended)["calls"].items().front();
  EXPECT_EQ(call["state"].as_string(), "ended");
  EXPECT_EQ(call["reason"].as_string(), "stop");
  EXPECT_EQ(call["prompt_tokens"].as_int(), 5);
  const Json& last_attempt = call["attempts"].items().back();
  EXPECT_EQ(last_attempt["replica"].as_string(), "m#1");
  EXPECT_FALSE(last_attempt["reason"].as_string().empty());
  EXPECT_EQ(ended->dump().find("hello"), std::string::npos);
  EXPECT_EQ(ended->dump().find("word"), std::string::npos);

  guard::Request stranger = node.request();
  stranger.principal.tenant = "other";
  EXPECT_EQ(node.serving->explain(stranger, "req_1").error().code, ErrorCode::not_found);
  EXPECT_EQ(node.serving->explain(node.request(), "req_2").error().code, ErrorCode::not_found);
  // Another principal's request is asked for as the audit log is.
  EXPECT_TRUE(node.serving->explain(node.request("bob"), "req_1").is_ok());
  EXPECT_EQ(node.authorizer.actions().back().kind, guard::ActionKind::audit_read);
  EXPECT_EQ(node.serving->explain(node.request("mallory"), "req_1").error().code,
            ErrorCode::denied);
}

TEST(Serving, explains_a_refusal) {
  Node node({.requests_per_second_max = 1});
  ASSERT_TRUE(node.add("m", 1, replies("hi")).is_ok());
  guard::Request request = node.request("alice");
  EXPECT_EQ(node.serving->rate_limit(request)->remaining, 1);
  ASSERT_TRUE(node.serving->chat_whole(request, hello()).is_ok());
  EXPECT_EQ(node.serving->rate_limit(request)->remaining, 0);
  EXPECT_EQ(node.serving->rate_limit(request)->requests, 1);
  request.request_id = "req_2";
  ASSERT_TRUE(node.serving->chat(request, hello()).is_error());
  const auto explained = node.serving->explain(request, "req_2");
  ASSERT_TRUE(explained.is_ok());
  const Json& call = (*explained)["calls"].items().front();
  EXPECT_EQ(call["error"]["code"].as_string(), "rate_limited");
  EXPECT_NE(call["admission"].as_string().find("requests per second"), std::string::npos);
  Node free;
  EXPECT_FALSE(free.serving->rate_limit(request).has_value());
}

TEST(Serving, tells_the_load_of_each_model) {
  Gate gate;
  Node node({.running_max = 1, .queue_max = 4});
  ASSERT_TRUE(node.add("m", 1, gate.part()).is_ok());
  const auto running = node.serving->chat(node.request(), hello());
  const auto waiting = node.serving->chat(node.request(), hello());
  ASSERT_TRUE(gate.holds(1));
  node.serving->publish_load();
  const std::string text = node.metrics.prometheus_text();
  EXPECT_NE(text.find("plinth_model_requests_running{gen_ai_request_model=\"m\"} 1\n"),
            std::string::npos);
  EXPECT_NE(text.find("plinth_model_requests_waiting{gen_ai_request_model=\"m\"} 1\n"),
            std::string::npos);
  gate.is_open = true;
}

protocol::EmbeddingRequest two_texts(const std::string& model = "m") {
  return {model, {{"one"}, {"", {1, 2, 3}}}};
}

ScriptedClient::Part embeds() {
  return [](const http::ClientRequest& request, const auto&, const auto&) {
    EXPECT_TRUE(request.url.ends_with("/v1/embeddings")) << request.url;
    return answered(200, R"({"data":[{"index":0,"embedding":[3,4]},{"index":1,"embedding":[1,0]}],)"
                         R"("usage":{"prompt_tokens":4,"total_tokens":4}})");
  };
}

TEST(Serving, embeds_and_meters_it_as_such) {
  Node node;
  ASSERT_TRUE(node.add("m", 1, embeds()).is_ok());
  const auto stream = node.serving->embed(node.request(), two_texts());
  ASSERT_TRUE(stream.is_ok()) << stream.error().message;
  const ChatEvent end = last_event(**stream);
  EXPECT_EQ(end.kind, ChatEvent::Kind::finished);
  EXPECT_EQ(end.vectors, (std::vector<std::vector<float>>{{3, 4}, {1, 0}}));
  EXPECT_EQ(end.usage.prompt_tokens, 4);
  const auto actions = node.authorizer.actions();
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].kind, guard::ActionKind::model_call);
  EXPECT_EQ(actions[0].facts["inputs"].as_int(), 2);
  EXPECT_EQ(actions[0].facts.dump().find("one"), std::string::npos);
  EXPECT_TRUE(node.publishes("\"operation\":\"embeddings\""));
  EXPECT_NE(node.metrics.prometheus_text().find(
                R"(gen_ai_client_token_usage_count{gen_ai_operation_name="embeddings")"),
            std::string::npos);
}

TEST(Serving, refuses_embeddings_as_it_refuses_chats) {
  Gate gate;
  Node node({.running_max = 1, .queue_max = 1});
  ASSERT_TRUE(node.add("m", 1, gate.part()).is_ok());
  EXPECT_EQ(node.serving->embed(node.request("mallory"), two_texts()).error().code,
            ErrorCode::denied);
  EXPECT_EQ(node.serving->embed(node.request(), two_texts("other")).error().code,
            ErrorCode::not_found);
  const auto running = node.serving->chat(node.request(), hello());
  const auto waiting = node.serving->embed(node.request(), two_texts());
  ASSERT_TRUE(waiting.is_ok());
  EXPECT_EQ(node.serving->embed(node.request(), two_texts()).error().code, ErrorCode::overloaded);
  (*waiting)->cancel();
  EXPECT_EQ(last_event(**waiting).reason, FinishReason::cancelled);
  gate.is_open = true;
}

TEST(Serving, embeds_on_another_replica_after_connect_failure) {
  Node node;
  std::atomic<int> attempts{0};
  ASSERT_TRUE(node.add("m", 1, unreachable(attempts)).is_ok());
  ASSERT_TRUE(node.add("m", 2, embeds()).is_ok());
  for (int i = 0; i < 4; ++i) {
    const auto stream = node.serving->embed(node.request(), two_texts());
    ASSERT_TRUE(stream.is_ok());
    EXPECT_EQ(last_event(**stream).vectors.size(), 2u);
  }
  EXPECT_EQ(attempts, 2);
}

TEST(Serving, many_threads_may_call_at_once) {
  Node node({.running_max = 8, .queue_max = 256});
  ASSERT_TRUE(node.add("m", 1, replies("one")).is_ok());
  ASSERT_TRUE(node.add("m", 2, replies("two")).is_ok());
  std::atomic<int> answers{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        const auto reply = node.serving->chat_whole(node.request(), hello());
        if (reply.is_ok() && (reply->text == "one" || reply->text == "two")) ++answers;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answers, 200);
  const auto status = node.serving->model(node.request(), "m");
  EXPECT_EQ(status->running, 0);
  EXPECT_EQ(status->waiting, 0);
}

}  // namespace
}  // namespace plinth::serving
