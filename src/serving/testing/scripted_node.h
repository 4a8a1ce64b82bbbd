// SPDX-License-Identifier: Apache-2.0
// For tests: Serving over upstreams whose parts a test plays.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "serving/serving.h"
#include "serving/testing/scripted_client.h"

namespace plinth::serving::testing {

// Upstreams by the port of their URL: each request goes to the part of its port.
struct Node {
  explicit Node(AdmissionOptions admission = {})
      : client([this](const auto& request, const auto& on_bytes, const auto& cancellation) {
          const auto url = MUST(http::parse_url(request.url), "the test's URLs are well-formed");
          return parts.at(url.port)(request, on_bytes, cancellation);
        }) {
    serving = create_serving({.authorizer = authorizer,
                              .client = client,
                              .clock = clock,
                              .ids = ids,
                              .workers = workers,
                              .events = events,
                              .metrics = metrics,
                              .admission = admission});
  }

  Status add(const std::string& name, uint16_t port, ScriptedClient::Part part) {
    parts[port] = std::move(part);
    ModelSpec spec;
    spec.name = name;
    spec.kind = ReplicaKind::upstream;
    spec.url = "http://127.0.0.1:" + std::to_string(port) + "/v1";
    spec.upstream_model = "m";
    return serving->add_model(spec);
  }

  guard::Request request(const std::string& principal = "alice") const {
    guard::Request made;
    made.principal.id = principal;
    made.principal.tenant = "default";
    return made;
  }

  bool publishes(const std::string& words, Duration within = std::chrono::seconds(5)) const {
    const auto until = clock.now() + within;
    while (clock.now() < until) {
      for (const std::string& payload : events.payloads()) {
        if (payload.find(words) != std::string::npos) return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

  SystemClock clock;
  SystemRandom random;
  IdSource ids{clock, random};
  std::map<uint16_t, ScriptedClient::Part> parts;  // filled before the first call
  ScriptedClient client;
  NotingAuthorizer authorizer;
  NotingEvents events;
  telemetry::Metrics metrics;
  WorkerPool workers{24, 256};
  std::unique_ptr<Serving> serving;
};

inline protocol::ChatRequest hello(const std::string& model = "m") {
  protocol::ChatRequest chat;
  chat.model = model;
  protocol::Message message;
  message.content = "hello";
  chat.messages.push_back(message);
  return chat;
}

inline ScriptedClient::Part replies(const std::string& text) {
  return [text](const auto&, const OnBytes& on_bytes, const auto&) {
    on_bytes(text_chunk(text) + end_chunks("stop", 5, 2));
    return answered(200);
  };
}

// Streams one word, then nothing until it is let go or cancelled.
struct Gate {
  std::atomic<bool> is_open{false};
  std::atomic<int> inside{0};
  std::atomic<int> cancelled{0};

  ScriptedClient::Part part() {
    return [this](const auto&, const OnBytes& on_bytes,
                  const Cancellation& cancellation) -> Result<http::ClientResponse> {
      ++inside;
      on_bytes(text_chunk("word"));
      while (!is_open && !cancellation.is_cancelled())
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      --inside;
      if (cancellation.is_cancelled()) {
        ++cancelled;
        return make_error(ErrorCode::cancelled, "cancelled");
      }
      on_bytes(end_chunks("stop", 5, 1));
      return answered(200);
    };
  }
  bool holds(int calls, Duration within = std::chrono::seconds(5)) const {
    const auto until = std::chrono::steady_clock::now() + within;
    while (inside != calls && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return inside == calls;
  }
};

inline ScriptedClient::Part unreachable(std::atomic<int>& attempts) {
  return [&attempts](const auto&, const auto&, const auto&) -> Result<http::ClientResponse> {
    ++attempts;
    return make_error(ErrorCode::unavailable, "connection refused");
  };
}

inline protocol::ChatEvent last_event(ChatStream& stream) {
  while (true) {
    auto event = stream.next(std::chrono::seconds(10));
    if (!event) {
      ADD_FAILURE() << "the stream went silent";
      return {};
    }
    if (event->kind == protocol::ChatEvent::Kind::finished ||
        event->kind == protocol::ChatEvent::Kind::failed) {
      return *event;
    }
  }
}

}  // namespace plinth::serving::testing
