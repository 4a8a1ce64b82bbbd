// SPDX-License-Identifier: Apache-2.0
// For tests: an http::Client that plays a given part, the bytes of a streamed reply, and an
// Authorizer that notes what it is asked.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "guard/authorizer.h"
#include "http/client.h"
#include "http/sse.h"
#include "store/events.h"

namespace plinth::serving::testing {

using OnBytes = std::function<bool(std::string_view)>;

class ScriptedClient final : public http::Client {
 public:
  using Part = std::function<Result<http::ClientResponse>(const http::ClientRequest&,
                                                          const OnBytes&, const Cancellation&)>;
  explicit ScriptedClient(Part part) : part_(std::move(part)) {}

  Result<http::ClientResponse> send(const http::ClientRequest& request,
                                    const Cancellation& cancellation) override {
    return stream(request, [](std::string_view) { return true; }, cancellation);
  }
  Result<http::ClientResponse> stream(const http::ClientRequest& request, const OnBytes& on_bytes,
                                      const Cancellation& cancellation) override {
    {
      MutexLock lock(mutex_);
      requests_.push_back(request);
    }
    return part_(request, on_bytes, cancellation);
  }
  // Plays the part on a thread of its own.
  std::shared_ptr<http::ClientCall> start(http::ClientRequest request,
                                          http::CallHandlers handlers) override {
    auto call = std::make_shared<PlayedCall>();
    MutexLock lock(mutex_);
    threads_.emplace_back(
        [this, call, request = std::move(request), handlers = std::move(handlers)]() mutable {
          const OnBytes on_bytes = handlers.on_bytes ? std::exchange(handlers.on_bytes, {})
                                                     : [](std::string_view) { return true; };
          handlers.on_end(stream(request, on_bytes, call->cancellation));
        });
    return call;
  }
  ~ScriptedClient() override {
    std::vector<std::thread> threads;
    {
      MutexLock lock(mutex_);
      threads.swap(threads_);
    }
    for (std::thread& thread : threads) thread.join();
  }
  std::vector<http::ClientRequest> requests() const {
    MutexLock lock(mutex_);
    return requests_;
  }

 private:
  struct PlayedCall final : http::ClientCall {
    void cancel() override { cancellation.cancel(); }
    void pause() override {}
    void resume() override {}
    Cancellation cancellation;
  };

  const Part part_;
  mutable Mutex mutex_;
  std::vector<http::ClientRequest> requests_ GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ GUARDED_BY(mutex_);
};

inline http::ClientResponse answered(int status, std::string body = {}) {
  http::ClientResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

inline std::string text_chunk(const std::string& text) {
  const Json delta = Json::object({{"content", text}});
  Json choice = Json::object({{"index", 0}, {"delta", delta}, {"finish_reason", nullptr}});
  Json choices = Json::array();
  choices.push(std::move(choice));
  return http::encode_sse_data(Json::object({{"choices", std::move(choices)}}).dump());
}

inline std::string end_chunks(const std::string& reason, int64_t prompt, int64_t completion) {
  Json choice = Json::object({{"index", 0}, {"delta", Json::object()}, {"finish_reason", reason}});
  Json choices = Json::array();
  choices.push(std::move(choice));
  const Json usage = Json::object({{"prompt_tokens", prompt}, {"completion_tokens", completion}});
  return http::encode_sse_data(Json::object({{"choices", std::move(choices)}}).dump()) +
         http::encode_sse_data(
             Json::object({{"choices", Json::array()}, {"usage", usage}}).dump()) +
         http::encode_sse_data("[DONE]");
}

class NotingAuthorizer final : public guard::Authorizer {
 public:
  guard::Decision authorize(const guard::Request& request, const guard::Action& action) override {
    MutexLock lock(mutex_);
    actions_.push_back(action);
    return decide(request, action);
  }
  guard::Decision preview(const guard::Request& request,
                          const guard::Action& action) const override {
    MutexLock lock(mutex_);
    return decide(request, action);
  }
  void deny_resource(const std::string& id) {
    MutexLock lock(mutex_);
    denied_ = id;
  }
  std::vector<guard::Action> actions() const {
    MutexLock lock(mutex_);
    return actions_;
  }

 private:
  // Everyone may do everything, except the principal "mallory", and nobody with what is denied.
  guard::Decision decide(const guard::Request& request, const guard::Action& action) const
      REQUIRES(mutex_) {
    guard::Decision decision;
    decision.id = "dec_1";
    const bool is_denied =
        request.principal.id == "mallory" || (!denied_.empty() && action.resource_id == denied_);
    decision.effect = is_denied ? guard::Effect::deny : guard::Effect::allow;
    decision.reason = "the test's rule";
    return decision;
  }
  mutable Mutex mutex_;
  std::vector<guard::Action> actions_ GUARDED_BY(mutex_);
  std::string denied_ GUARDED_BY(mutex_);
};

class NotingEvents final : public store::Events {
 public:
  void publish(const std::string& topic, std::string payload) override {
    MutexLock lock(mutex_);
    payloads_.push_back(topic + " " + std::move(payload));
  }
  std::unique_ptr<store::Subscription> subscribe(const std::string&, size_t) override {
    return nullptr;
  }
  std::vector<std::string> payloads() const {
    MutexLock lock(mutex_);
    return payloads_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<std::string> payloads_ GUARDED_BY(mutex_);
};

}  // namespace plinth::serving::testing
