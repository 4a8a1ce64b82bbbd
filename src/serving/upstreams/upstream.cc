// SPDX-License-Identifier: Apache-2.0
// One blocking HTTP call per reply on the worker pool; errors of the peer are translated so that a
// caller never mistakes the upstream's refusal of our key for a refusal of theirs.
#include "serving/upstreams/upstream.h"

#include <map>

#include "base/log.h"
#include "base/mutex.h"
#include "base/text.h"
#include "protocol/openai_embeddings.h"
#include "serving/chat_events.h"
#include "serving/upstreams/reply_reader.h"
#include "serving/upstreams/upstream_api.h"

namespace plinth::serving {

namespace {

std::optional<int64_t> retry_after_ms(const http::ClientResponse& response) {
  constexpr int64_t kRetryAfterSecondsMax = 3600;
  const auto text = response.header("retry-after");
  if (!text || text->empty() || text->size() > 9) return std::nullopt;
  int64_t seconds = 0;
  for (const char digit : *text) {
    if (digit < '0' || digit > '9')
      return std::nullopt;  // the date form is not used by model servers
    seconds = seconds * 10 + (digit - '0');
  }
  return std::min(seconds, kRetryAfterSecondsMax) * 1000;
}

using protocol::ChatEvent;

class Upstream final : public Replica {
 public:
  explicit Upstream(UpstreamOptions options)
      : options_(std::move(options)),
        api_(upstream_api_row(options_.api)),
        model_(options_.model) {}

  ~Upstream() override {
    MutexLock lock(mutex_);
    for (auto& [id, cancellation] : calls_) cancellation.cancel();
    while (!calls_.empty()) changed_.wait(mutex_);
  }

  const std::string& id() const override { return options_.id; }
  ReplicaKind kind() const override { return ReplicaKind::upstream; }
  int parallel_max() const override { return 0; }

  Status start(ReplicaCall call, ReplicaSink sink) override {
    Cancellation cancellation;
    const auto running = begin(call.id, cancellation);
    auto task = [this, running, call = std::move(call), sink = std::move(sink), cancellation] {
      run(call, sink, cancellation);
      forget(running);
    };
    Status submitted = options_.workers.submit(std::move(task));
    if (submitted.is_error()) forget(running);
    return submitted;
  }

  void cancel(const std::string& call_id) override {
    MutexLock lock(mutex_);
    const auto [from, to] = calls_.equal_range(call_id);
    for (auto call = from; call != to; ++call) call->second.cancel();
  }

  ReplicaLoad load() const override {
    MutexLock lock(mutex_);
    return {.running = static_cast<int>(calls_.size())};
  }

  Reach reach() const override {
    MutexLock lock(mutex_);
    return reach_;
  }

  // What it answers does not matter: some servers list no models.
  void check_reach() override {
    http::ClientRequest request = request_to("/models");
    request.connect_max = kReachCheckMax;
    request.first_byte_max = kReachCheckMax;
    request.between_bytes_max = kReachCheckMax;
    const auto response = options_.client.send(request, Cancellation());
    note_reach(response.is_ok() ? nullptr : &response.error());
  }

  Json describe() const override {
    MutexLock lock(mutex_);
    return Json::object({{"url", options_.url}, {"api", api_.name}, {"model", model_}});
  }

 private:
  // A call that was told to its end may stand here a moment longer than its id is in use.
  using Calls = std::multimap<std::string, Cancellation>;

  Calls::iterator begin(const std::string& call_id, const Cancellation& cancellation) {
    MutexLock lock(mutex_);
    return calls_.emplace(call_id, cancellation);
  }

  void forget(Calls::iterator call) {
    MutexLock lock(mutex_);
    calls_.erase(call);
    changed_.notify_all();
  }

  // error: of a call that got no answer; null after one that got any.
  void note_reach(const Error* error) {
    MutexLock lock(mutex_);
    if (error == nullptr) {
      reach_ = {};
    } else if (error->code != ErrorCode::cancelled) {
      reach_ = {Reach::Kind::unreachable, error->message};
    }
  }

  http::ClientRequest request_to(std::string_view path) const {
    http::ClientRequest request;
    request.url = options_.url + std::string(path);
    api_.add_key(request.headers, options_.api_key);
    request.first_byte_max = options_.first_byte_max;
    request.between_bytes_max = options_.between_bytes_max;
    return request;
  }

  Result<http::ClientRequest> chat_request(protocol::ChatRequest chat,
                                           const std::string& model) const {
    chat.model = model;
    const bool is_plain = chat.prompt.has_value();
    if (is_plain && api_.plain_path.empty()) {
      return make_error(ErrorCode::unsupported,
                        "prompt: the upstream's API (" + std::string(api_.name) +
                            ") has no completions; send messages to /v1/chat/completions",
                        "prompt");
    }
    http::ClientRequest request = request_to(is_plain ? api_.plain_path : api_.chat_path);
    request.method = "POST";
    request.headers.push_back({"content-type", "application/json"});
    request.headers.push_back({"accept", "text/event-stream"});
    request.body = TRY(is_plain ? api_.encode_plain(chat) : api_.encode_chat(chat)).dump();
    return request;
  }

  http::ClientRequest embedding_request(protocol::EmbeddingRequest embedding,
                                        const std::string& model) const {
    embedding.model = model;
    http::ClientRequest request = request_to("/embeddings");
    request.method = "POST";
    request.headers.push_back({"content-type", "application/json"});
    request.body = protocol::openai::encode_embedding_request(embedding).dump();
    request.body_bytes_max = Json::kTextBytesMax;
    return request;
  }

  // How it ends.
  ChatEvent embed(const protocol::EmbeddingRequest& embedding, const std::string& model,
                  const Cancellation& cancellation) {
    const http::ClientRequest request = embedding_request(embedding, model);
    for (int attempt = 1;; ++attempt) {
      const auto response = options_.client.send(request, cancellation);
      note_reach(response.is_ok() ? nullptr : &response.error());
      if (cancellation.is_cancelled()) return cancelled_event();
      if (response.is_error()) {
        const bool may_retry =
            response.error().code == ErrorCode::unavailable && attempt < kConnectAttemptsMax;
        if (may_retry) continue;
        return failed_event(unreached(response.error(), false));
      }
      if (response->status == 404) forget_model();
      if (response->status < 200 || response->status >= 300) {
        return failed_event(refused(*response, model));
      }
      auto reply = decode_embedding(response->body, embedding.inputs.size());
      if (reply.is_error()) return failed_event(broken(reply.error()));
      ChatEvent end;
      end.kind = ChatEvent::Kind::finished;
      end.usage = reply->usage;
      end.vectors = std::move(reply->vectors);
      return end;
    }
  }

  static Result<protocol::ChatReply> decode_embedding(const std::string& body, size_t inputs) {
    return protocol::openai::decode_embedding_reply(TRY(Json::parse(body)), inputs);
  }

  Result<std::string> model_there(const Cancellation& cancellation) {
    {
      MutexLock lock(mutex_);
      if (!model_.empty()) return model_;
    }
    const auto response = options_.client.send(request_to("/models"), cancellation);
    note_reach(response.is_ok() ? nullptr : &response.error());
    if (response.is_error()) return response.error();
    const std::string chosen = chosen_model(*response);
    log_event(LogLevel::info, "serving.upstream_model",
              {{"upstream", options_.id}, {"model", chosen}});
    MutexLock lock(mutex_);
    model_ = chosen;
    return chosen;
  }

  // It may serve another one by now.
  void forget_model() {
    MutexLock lock(mutex_);
    model_ = options_.model;
  }

  // A server that lists nothing is asked for the name as it is; it will say what it thinks of it.
  std::string chosen_model(const http::ClientResponse& response) const {
    const auto list = Json::parse(response.body);
    if (response.status != 200 || list.is_error()) return options_.name;
    std::string first;
    for (const Json& model : (*list)["data"].items()) {
      const std::string id = model["id"].as_string();
      if (id == options_.name) return id;
      if (first.empty()) first = id;
    }
    return first.empty() ? options_.name : first;
  }

  void run(const ReplicaCall& call, const ReplicaSink& sink, const Cancellation& cancellation) {
    if (cancellation.is_cancelled()) return sink(cancelled_event());
    const auto model = model_there(cancellation);
    if (cancellation.is_cancelled()) return sink(cancelled_event());
    if (model.is_error()) return sink(failed_event(unreached(model.error(), false)));
    if (call.embedding) return sink(embed(*call.embedding, *model, cancellation));
    const auto request = chat_request(call.chat, *model);
    if (request.is_error()) return sink(failed_event(request.error()));
    for (int attempt = 1;; ++attempt) {
      ReplyReader reader(api_.create_decoder(), sink, options_.ids);
      const auto response = options_.client.stream(
          *request,
          [&](std::string_view bytes) {
            // At the first bytes: a reply may take minutes, and its end is seen before we return.
            if (!reader.has_bytes()) note_reach(nullptr);
            return reader.feed(bytes);
          },
          cancellation);
      // With bytes it was noted at the first of them: by now a later call may know better.
      if (response.is_ok() && !reader.has_bytes()) note_reach(nullptr);
      if (response.is_error() && !reader.has_bytes()) note_reach(&response.error());
      if (reader.is_finished()) return;
      if (cancellation.is_cancelled()) return sink(cancelled_event());
      if (response.is_ok() && response->status >= 200 && response->status < 300) {
        if (const Status end = reader.finish(); end.is_error())
          sink(failed_event(broken(end.error())));
        return;
      }
      if (response.is_ok()) {
        if (response->status == 404) forget_model();
        return sink(failed_event(refused(*response, *model)));
      }
      const bool may_retry = response.error().code == ErrorCode::unavailable &&
                             !reader.has_bytes() && attempt < kConnectAttemptsMax;
      if (!may_retry) return sink(failed_event(unreached(response.error(), reader.has_bytes())));
    }
  }

  Error unreached(const Error& error, bool has_bytes) const {
    // After the first byte another replica cannot take over: the caller has part of this reply.
    const bool is_broken = has_bytes && error.code == ErrorCode::unavailable;
    return make_error(is_broken ? ErrorCode::upstream_failed : error.code,
                      "upstream " + options_.id + ": " + error.message);
  }

  // What went wrong inside an answer that began well.
  Error broken(Error error) const {
    const bool is_ours =
        error.code == ErrorCode::overloaded || error.code == ErrorCode::unavailable ||
        error.code == ErrorCode::rate_limited || error.code == ErrorCode::context_length_exceeded;
    if (!is_ours) error.code = ErrorCode::upstream_failed;
    error.message = "upstream " + options_.id + ": " + error.message;
    return error;
  }

  // What the peer says about this node's key, or about a name only this node knows, is no fault of
  // the caller's.
  Error refused(const http::ClientResponse& response, const std::string& model) const {
    const std::string status = " (" + std::to_string(response.status) + ")";
    if (response.status == 401 || response.status == 403) {
      return make_error(ErrorCode::upstream_failed,
                        "upstream " + options_.id + " refused this node's key" + status +
                            "; check api_key_env or api_key_file of the model");
    }
    if (response.status == 404 || response.status == 405) {
      return make_error(ErrorCode::upstream_failed, "upstream " + options_.id + " has no model " +
                                                        model + " at " + options_.url + status +
                                                        "; check url and upstream_model");
    }
    Error error = api_.decode_error(response.status, response.body);
    error.message = "upstream " + options_.id + ": " + error.message;
    if (!error.retry_after_ms) error.retry_after_ms = retry_after_ms(response);
    return error;
  }

  const UpstreamOptions options_;
  const UpstreamApiRow& api_;
  mutable Mutex mutex_;
  Condition changed_;
  Calls calls_ GUARDED_BY(mutex_);
  Reach reach_ GUARDED_BY(mutex_) = {Reach::Kind::unchecked, {}};
  std::string model_ GUARDED_BY(mutex_);  // empty until it is known
};

}  // namespace

Result<std::unique_ptr<Replica>> create_upstream(UpstreamOptions options) {
  while (options.url.ends_with('/')) options.url.pop_back();
  const auto url = http::parse_url(options.url);
  if (url.is_error()) {
    return make_error(ErrorCode::invalid_argument,
                      "url: " + url.error().message +
                          "; expected a base URL like "
                          "http://127.0.0.1:8000/v1",
                      "url");
  }
  return std::make_unique<Upstream>(std::move(options));
}

}  // namespace plinth::serving
