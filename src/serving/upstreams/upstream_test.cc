// SPDX-License-Identifier: Apache-2.0
// An upstream against a scripted HTTP client: streams cut anywhere, refusals, broken answers,
// cancellation.
#include "serving/upstreams/upstream.h"

#include <gtest/gtest.h>

#include <map>

#include "base/queue.h"
#include "serving/testing/scripted_client.h"

namespace plinth::serving {
namespace {

using namespace testing;
using protocol::ChatEvent;

struct Bench {
  explicit Bench(ScriptedClient::Part part, std::string model = "their-name",
                 UpstreamApi api = UpstreamApi::openai)
      : client(std::move(part)) {
    upstream = MUST(create_upstream({.id = "up#0",
                                     .url = "http://127.0.0.1:9/v1/",
                                     .name = "our-name",
                                     .api = api,
                                     .model = std::move(model),
                                     .api_key = "sekret",
                                     .client = client,
                                     .workers = workers,
                                     .ids = ids}),
                    "the URL is well-formed");
  }

  Status start(const std::string& call = "call_1") {
    protocol::ChatRequest chat;
    chat.model = "our-name";
    protocol::Message message;
    message.content = "hello";
    chat.messages.push_back(message);
    return upstream->start({call, chat}, [this](ChatEvent event) {
      EXPECT_TRUE(events.push(std::move(event)).is_ok());
    });
  }

  std::vector<ChatEvent> run() {
    EXPECT_TRUE(start().is_ok());
    return rest();
  }

  std::vector<ChatEvent> embed(std::vector<protocol::EmbeddingInput> inputs) {
    ReplicaCall call;
    call.id = "call_1";
    call.embedding = std::make_shared<const protocol::EmbeddingRequest>(
        protocol::EmbeddingRequest{"our-name", std::move(inputs)});
    EXPECT_TRUE(
        upstream
            ->start(std::move(call),
                    [this](ChatEvent event) { EXPECT_TRUE(events.push(std::move(event)).is_ok()); })
            .is_ok());
    return rest();
  }

  std::vector<ChatEvent> rest() {
    std::vector<ChatEvent> seen;
    while (auto event = events.pop_for(std::chrono::seconds(10))) {
      seen.push_back(*event);
      if (event->kind == ChatEvent::Kind::finished || event->kind == ChatEvent::Kind::failed) break;
    }
    return seen;
  }

  SystemClock clock;
  SystemRandom random;
  IdSource ids{clock, random};
  ScriptedClient client;
  BoundedQueue<ChatEvent> events{1024};
  WorkerPool workers{2, 16};
  std::unique_ptr<Replica> upstream;
};

std::string whole_reply() {
  return text_chunk("Hel") + text_chunk("lo") + end_chunks("stop", 7, 2);
}

TEST(Upstream, decodes_a_stream_cut_at_any_byte) {
  const std::string bytes = whole_reply();
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{64}, bytes.size()}) {
    Bench bench([&](const auto&, const OnBytes& on_bytes, const auto&) {
      for (size_t at = 0; at < bytes.size(); at += piece) {
        if (!on_bytes(std::string_view(bytes).substr(at, piece))) break;
      }
      return answered(200);
    });
    const auto events = bench.run();
    ASSERT_EQ(events.size(), 3u);
    EXPECT_EQ(events[0].text + events[1].text, "Hello");
    EXPECT_EQ(events[2].reason, protocol::FinishReason::stop);
    EXPECT_EQ(events[2].usage.prompt_tokens, 7);
    EXPECT_EQ(events[2].usage.completion_tokens, 2);
  }
}

TEST(Upstream, sends_its_own_name_and_key_to_the_right_place) {
  Bench bench([&](const auto&, const OnBytes& on_bytes, const auto&) {
    on_bytes(whole_reply());
    return answered(200);
  });
  bench.run();
  const auto requests = bench.client.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].url, "http://127.0.0.1:9/v1/chat/completions");
  const Json body = MUST(Json::parse(requests[0].body), "the upstream writes JSON");
  EXPECT_EQ(body["model"].as_string(), "their-name");
  EXPECT_TRUE(body["stream"].as_bool());
  bool has_key = false;
  for (const auto& [name, value] : requests[0].headers) {
    if (name == "authorization") has_key = value == "Bearer sekret";
  }
  EXPECT_TRUE(has_key);
}

TEST(Upstream, sends_a_plain_prompt_to_completions) {
  Bench bench([&](const auto&, const OnBytes& on_bytes, const auto&) {
    on_bytes(
        http::encode_sse_data(R"({"choices":[{"index":0,"text":" upon"}]})") +
        http::encode_sse_data(R"({"choices":[{"index":0,"text":"","finish_reason":"stop"}]})") +
        http::encode_sse_data("[DONE]"));
    return answered(200);
  });
  protocol::ChatRequest chat;
  chat.prompt = protocol::PlainPrompt{"Once", {}};
  ASSERT_TRUE(bench.upstream
                  ->start({"call_1", chat},
                          [&](ChatEvent event) {
                            EXPECT_TRUE(bench.events.push(std::move(event)).is_ok());
                          })
                  .is_ok());
  const auto events = bench.rest();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].text, " upon");
  EXPECT_EQ(events[1].reason, protocol::FinishReason::stop);
  const auto requests = bench.client.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].url, "http://127.0.0.1:9/v1/completions");
  const Json body = MUST(Json::parse(requests[0].body), "the upstream writes JSON");
  EXPECT_EQ(body["prompt"].as_string(), "Once");
  EXPECT_EQ(body["model"].as_string(), "their-name");
  EXPECT_FALSE(body.contains("messages"));
}

TEST(Upstream, speaks_anthropics_messages_where_it_is_told_to) {
  const std::string bytes =
      http::encode_sse({"message_start",
                        R"({"type":"message_start","message":{"usage":{"input_tokens":7}}})",
                        {}}) +
      http::encode_sse({"content_block_delta",
                        R"({"type":"content_block_delta","index":0,)"
                        R"("delta":{"type":"text_delta","text":"Hello"}})",
                        {}}) +
      http::encode_sse({"message_delta",
                        R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},)"
                        R"("usage":{"output_tokens":2}})",
                        {}}) +
      http::encode_sse({"message_stop", R"({"type":"message_stop"})", {}});
  Bench bench(
      [&](const auto&, const OnBytes& on_bytes, const auto&) {
        on_bytes(bytes);
        return answered(200);
      },
      "their-name", UpstreamApi::anthropic);
  const auto events = bench.run();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].text, "Hello");
  EXPECT_EQ(events[1].reason, protocol::FinishReason::stop);
  EXPECT_EQ(events[1].usage.prompt_tokens, 7);
  EXPECT_EQ(events[1].usage.completion_tokens, 2);
  const auto requests = bench.client.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].url, "http://127.0.0.1:9/v1/messages");
  const std::map<std::string, std::string> headers(requests[0].headers.begin(),
                                                   requests[0].headers.end());
  EXPECT_EQ(headers.at("x-api-key"), "sekret");
  EXPECT_EQ(headers.at("anthropic-version"), "2023-06-01");
  EXPECT_FALSE(headers.contains("authorization"));
  const Json body = MUST(Json::parse(requests[0].body), "the upstream writes JSON");
  EXPECT_EQ(body["model"].as_string(), "their-name");
  EXPECT_EQ(body["messages"].items()[0]["content"].items()[0]["text"].as_string(), "hello");
}

TEST(Upstream, an_overloaded_server_of_anthropics_is_overloaded) {
  Bench bench(
      [](const auto&, const auto&, const auto&) {
        return answered(529,
                        R"({"type":"error","error":{"type":"overloaded_error","message":"full"}})");
      },
      "their-name", UpstreamApi::anthropic);
  const auto events = bench.run();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].error.code, ErrorCode::overloaded);
  EXPECT_NE(events[0].error.message.find("full"), std::string::npos);
}

// Plays a server that lists these models, and notes the one that is asked for.
std::string model_asked_for(const std::string& listed, int status = 200) {
  Bench bench(
      [&](const http::ClientRequest& request, const OnBytes& on_bytes, const auto&) {
        if (request.url.ends_with("/models")) return answered(status, listed);
        on_bytes(whole_reply());
        return answered(200);
      },
      "");
  EXPECT_EQ(bench.run().back().kind, ChatEvent::Kind::finished);
  EXPECT_EQ(bench.run().back().kind, ChatEvent::Kind::finished);
  const auto requests = bench.client.requests();
  EXPECT_EQ(requests.size(), 3u) << "the list is read once";
  return MUST(Json::parse(requests.back().body), "the upstream writes JSON")["model"].as_string();
}

TEST(Upstream, without_a_name_there_it_takes_its_own_or_the_first_listed) {
  EXPECT_EQ(model_asked_for(R"({"data":[{"id":"a"},{"id":"our-name"}]})"), "our-name");
  EXPECT_EQ(model_asked_for(R"({"data":[{"id":"a"},{"id":"b"}]})"), "a");
  EXPECT_EQ(model_asked_for(R"({"data":[]})"), "our-name");
  EXPECT_EQ(model_asked_for("no JSON"), "our-name");
  EXPECT_EQ(model_asked_for(R"({"data":[{"id":"a"}]})", 404), "our-name");
}

TEST(Upstream, connects_a_second_time_but_not_a_third) {
  int attempts = 0;
  Bench bench([&](const auto&, const OnBytes&, const auto&) -> Result<http::ClientResponse> {
    ++attempts;
    return make_error(ErrorCode::unavailable, "connection refused");
  });
  const auto events = bench.run();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].error.code, ErrorCode::unavailable);
  EXPECT_EQ(attempts, kConnectAttemptsMax);
}

TEST(Upstream, does_not_repeat_a_request_whose_answer_had_begun) {
  int attempts = 0;
  Bench bench(
      [&](const auto&, const OnBytes& on_bytes, const auto&) -> Result<http::ClientResponse> {
        ++attempts;
        on_bytes(text_chunk("Hel"));
        return make_error(ErrorCode::unavailable, "connection reset");
      });
  const auto events = bench.run();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].error.code, ErrorCode::upstream_failed);
  EXPECT_EQ(attempts, 1);
}

TEST(Upstream, an_answer_without_an_end_is_a_failure_not_an_empty_reply) {
  for (const std::string& body : {std::string(), text_chunk("Hel"), std::string("not a stream")}) {
    Bench bench([&](const auto&, const OnBytes& on_bytes, const auto&) {
      on_bytes(body);
      return answered(200);
    });
    const auto events = bench.run();
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events.back().kind, ChatEvent::Kind::failed);
    EXPECT_EQ(events.back().error.code, ErrorCode::upstream_failed);
  }
}

TEST(Upstream, a_refusal_of_our_key_is_not_passed_off_as_the_callers) {
  Bench bench([&](const auto&, const OnBytes&, const auto&) {
    return answered(401, R"({"error":{"message":"bad key sekret"}})");
  });
  const auto events = bench.run();
  EXPECT_EQ(events.back().error.code, ErrorCode::upstream_failed);
  EXPECT_EQ(events.back().error.message.find("sekret"), std::string::npos);
}

TEST(Upstream, passes_on_when_to_try_again) {
  Bench bench([&](const auto&, const OnBytes&, const auto&) {
    http::ClientResponse response = answered(429, R"({"error":{"message":"slow down"}})");
    response.headers.push_back({"retry-after", "7"});
    return response;
  });
  const auto events = bench.run();
  EXPECT_EQ(events.back().error.code, ErrorCode::overloaded);
  EXPECT_EQ(events.back().error.retry_after_ms, 7000);
}

TEST(Upstream, cancelling_ends_the_call_and_closes_the_connection) {
  std::atomic<bool> is_streaming{false};
  Bench bench([&](const auto&, const OnBytes& on_bytes,
                  const Cancellation& cancellation) -> Result<http::ClientResponse> {
    on_bytes(text_chunk("Hel"));
    is_streaming = true;
    while (!cancellation.is_cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return make_error(ErrorCode::cancelled, "cancelled");
  });
  ASSERT_TRUE(bench.start().is_ok());
  while (!is_streaming) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  bench.upstream->cancel("call_1");
  const auto events = bench.rest();
  EXPECT_EQ(events.back().kind, ChatEvent::Kind::finished);
  EXPECT_EQ(events.back().reason, protocol::FinishReason::cancelled);
}

TEST(Upstream, its_last_call_tells_whether_it_can_be_reached) {
  bool is_there = false;
  Bench bench(
      [&](const auto&, const OnBytes& on_bytes, const auto&) -> Result<http::ClientResponse> {
        if (!is_there) return make_error(ErrorCode::unavailable, "connection refused");
        on_bytes(text_chunk("hi") + end_chunks("stop", 1, 1));
        return answered(200);
      });
  EXPECT_EQ(bench.upstream->reach().kind, Reach::Kind::unchecked);
  bench.upstream->check_reach();
  EXPECT_EQ(bench.upstream->reach().kind, Reach::Kind::unreachable);
  EXPECT_EQ(bench.upstream->reach().cause, "connection refused");
  is_there = true;
  EXPECT_EQ(bench.run().back().kind, ChatEvent::Kind::finished);
  EXPECT_EQ(bench.upstream->reach().kind, Reach::Kind::reachable);
  is_there = false;
  EXPECT_EQ(bench.run().back().kind, ChatEvent::Kind::failed);
  EXPECT_EQ(bench.upstream->reach().kind, Reach::Kind::unreachable);
  is_there = true;
  bench.upstream->check_reach();
  EXPECT_EQ(bench.upstream->reach().kind, Reach::Kind::reachable);
}

TEST(Upstream, passes_embeddings_through_under_its_own_name) {
  Bench bench([&](const auto&, const OnBytes&, const auto&) {
    return answered(200, R"({"data":[{"index":0,"embedding":[0.5,2]}],)"
                         R"("usage":{"prompt_tokens":3}})");
  });
  const auto events = bench.embed({{"", {4, 5}}});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].vectors, (std::vector<std::vector<float>>{{0.5f, 2}}));
  EXPECT_EQ(events[0].usage.prompt_tokens, 3);
  const auto requests = bench.client.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].url, "http://127.0.0.1:9/v1/embeddings");
  EXPECT_EQ(requests[0].body,
            R"({"model":"their-name","input":[[4,5]],"encoding_format":"float"})");
}

TEST(Upstream, a_refused_or_broken_embedding_says_whose_fault_it_is) {
  const auto error_of = [](int status, const std::string& body) {
    Bench bench([&](const auto&, const OnBytes&, const auto&) { return answered(status, body); });
    const auto events = bench.embed({{"a"}});
    EXPECT_EQ(events.back().kind, ChatEvent::Kind::failed);
    return events.back().error.code;
  };
  EXPECT_EQ(error_of(401, "{}"), ErrorCode::upstream_failed);
  EXPECT_EQ(error_of(404, "{}"), ErrorCode::upstream_failed);
  EXPECT_EQ(error_of(400, R"({"error":{"code":"context_length_exceeded","message":"long"}})"),
            ErrorCode::context_length_exceeded);
  EXPECT_EQ(error_of(200, "no JSON"), ErrorCode::upstream_failed);
  EXPECT_EQ(error_of(200, R"({"data":[]})"), ErrorCode::upstream_failed);
}

TEST(Upstream, destroying_it_ends_what_runs_and_waits) {
  Bench bench([&](const auto&, const OnBytes&,
                  const Cancellation& cancellation) -> Result<http::ClientResponse> {
    while (!cancellation.is_cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return make_error(ErrorCode::cancelled, "cancelled");
  });
  for (const char* call : {"a", "b", "c", "d"}) ASSERT_TRUE(bench.start(call).is_ok());
  bench.upstream.reset();
  EXPECT_EQ(bench.events.size(), 4u);
}

TEST(Upstream, refuses_a_url_it_cannot_call) {
  SystemClock clock;
  SystemRandom random;
  IdSource ids(clock, random);
  WorkerPool workers(1, 1);
  ScriptedClient client([](const auto&, const auto&, const auto&) { return answered(200); });
  const auto upstream = create_upstream({.id = "u",
                                         .url = "ftp//x",
                                         .name = "m",
                                         .model = "m",
                                         .api_key = "",
                                         .client = client,
                                         .workers = workers,
                                         .ids = ids});
  ASSERT_TRUE(upstream.is_error());
  EXPECT_EQ(upstream.error().param, "url");
}

}  // namespace
}  // namespace plinth::serving
