// SPDX-License-Identifier: Apache-2.0
// The OpenAI API: models, chat completions (whole and streamed) and embeddings.
#include "protocol/openai.h"
#include "api/endpoint.h"
#include "http/sse.h"

namespace plinth::api::endpoints {

namespace {

using protocol::ChatEvent;
namespace openai = protocol::openai;

openai::ModelCard card_of(const serving::ModelStatus& model) {
  return {model.name, model.since.unix_ms / 1000, "plinth"};
}

// A conversation is a request context: what tools answered in it, and what the caller says it
// wrote, label it.
guard::Label label_of_conversation(const guard::Request& request,
                                   const protocol::ChatRequest& chat) {
  std::set<guard::Source> sources;
  for (const protocol::Message& message : chat.messages) {
    if (message.role != protocol::Role::tool) continue;
    const std::string name = message.name.empty() ? "unnamed" : message.name;
    sources.insert(guard::Source{"tool", name, guard::Trust::untrusted});
  }
  return request.label.join(
      guard::Label{guard::Integrity(std::move(sources)), guard::Confidentiality::everyone()});
}

// A small model makes tokens faster than any client reads events; what is made within this time of
// the last chunk shares the next one. Slower than 100 tokens a second, each has a chunk of its own.
constexpr Duration kChunkIntervalMin = std::chrono::milliseconds(10);

// One streamed reply: events of the ChatStream become chunks on the wire, from whichever thread has
// one. The first event decides the status: a reply that fails before it began is an error answer,
// not a stream.
class ChatResponse : public std::enable_shared_from_this<ChatResponse> {
 public:
  ChatResponse(const Services& services, http::ResponseWriter writer,
               std::unique_ptr<serving::ChatStream> stream, openai::ReplyHead head,
               bool is_usage_wanted, const Measured& measured)
      : clock_(services.clock),
        timers_(services.timers),
        writer_(std::move(writer)),
        stream_(std::move(stream)),
        head_(std::move(head)),
        is_usage_wanted_(is_usage_wanted),
        measured_(measured) {}

  void start() {
    // The stream's callback keeps this object alive until the reply ended; the close callback only
    // looks.
    std::weak_ptr<ChatResponse> seen = weak_from_this();
    writer_.on_close([seen] {
      if (auto alive = seen.lock()) alive->cancel();
    });
    stream_->on_ready([self = shared_from_this()] { self->pump(); });
  }

 private:
  void pump() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (is_done_ || is_waiting_) return;
    const Duration early = is_begun_ ? last_sent_ + kChunkIntervalMin - clock_.now() : Duration(0);
    if (early <= Duration(0)) return drain();
    is_waiting_ = true;
    timers_.schedule(early, [self = shared_from_this()] { self->resume(); });
  }

  void resume() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    is_waiting_ = false;
    drain();
  }

  // Sends all that is there, neighbouring texts as one.
  void drain() REQUIRES(mutex_) {
    std::optional<ChatEvent> text;
    while (!is_done_) {
      auto event = stream_->try_next();
      if (event && text && event->kind == ChatEvent::Kind::text) {
        protocol::append_text(*text, std::move(*event));
        continue;
      }
      if (text) send_event(*text);
      text.reset();
      if (!event) return;
      if (event->kind == ChatEvent::Kind::text) {
        text = std::move(event);
      } else {
        send_event(*event);
      }
    }
  }

  void send_event(const ChatEvent& event) REQUIRES(mutex_) {
    if (event.kind == ChatEvent::Kind::failed) return fail(event.error);
    if (!is_begun_) begin();
    send(openai::encode_chunk(head_, event, tool_calls_));
    if (event.kind == ChatEvent::Kind::tool_call) ++tool_calls_;
    if (event.kind != ChatEvent::Kind::finished) return;
    if (is_usage_wanted_) send(openai::encode_usage_chunk(head_, event.usage));
    finish(200);
  }

  void begin() REQUIRES(mutex_) {
    is_begun_ = true;
    writer_.begin_stream(200, {{"content-type", "text/event-stream"},
                               {"cache-control", "no-store"},
                               {"x-request-id", stream_->id()}});
    send(openai::encode_first_chunk(head_));
  }

  void fail(const Error& error) REQUIRES(mutex_) {
    const int status = error_row(error.code).http_status;
    if (is_begun_) {
      send(openai::encode_error(error));
      return finish(status);
    }
    is_done_ = true;
    measured_.done(status);
    writer_.respond(error_response(error));
  }

  void send(const Json& chunk) REQUIRES(mutex_) {
    last_sent_ = clock_.now();
    if (!writer_.write(http::encode_sse_data(chunk.dump()))) stream_->cancel();
  }

  // status: what is counted; after the first chunk the peer has a 200 whatever comes.
  void finish(int status) REQUIRES(mutex_) {
    writer_.write(http::encode_sse_data("[DONE]"));
    writer_.end();
    measured_.done(status);
    is_done_ = true;
  }

  void cancel() { stream_->cancel(); }

  const Clock& clock_;
  EventLoop& timers_;
  Mutex mutex_;
  http::ResponseWriter writer_;
  std::unique_ptr<serving::ChatStream> stream_;
  const openai::ReplyHead head_;
  const bool is_usage_wanted_;
  const Measured measured_;
  size_t tool_calls_ GUARDED_BY(mutex_) = 0;
  bool is_begun_ GUARDED_BY(mutex_) = false;
  bool is_waiting_ GUARDED_BY(mutex_) = false;  // for the next chunk's time
  MonotonicTime last_sent_ GUARDED_BY(mutex_);
  bool is_done_ GUARDED_BY(mutex_) = false;
};

// The same, collected into one body.
class WholeResponse : public std::enable_shared_from_this<WholeResponse> {
 public:
  WholeResponse(http::ResponseWriter writer, std::unique_ptr<serving::ChatStream> stream,
                openai::ReplyHead head, const Measured& measured)
      : writer_(std::move(writer)),
        stream_(std::move(stream)),
        head_(std::move(head)),
        measured_(measured) {}

  void start() {
    std::weak_ptr<WholeResponse> seen = weak_from_this();
    writer_.on_close([seen] {
      if (auto alive = seen.lock()) alive->stream_->cancel();
    });
    stream_->on_ready([self = shared_from_this()] { self->pump(); });
  }

 private:
  void pump() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (!is_done_) {
      auto event = stream_->try_next();
      if (!event) return;
      is_done_ = event->kind == ChatEvent::Kind::failed || event->kind == ChatEvent::Kind::finished;
      if (event->kind == ChatEvent::Kind::failed) {
        measured_.done(error_row(event->error.code).http_status);
        writer_.respond(error_response(event->error));
        return;
      }
      protocol::add_event(reply_, std::move(*event));
      if (is_done_) respond();
    }
  }

  void respond() REQUIRES(mutex_) {
    auto response = http::ServerResponse::json(200, openai::encode_reply(head_, reply_).dump());
    response.headers.emplace_back("x-request-id", stream_->id());
    measured_.done(200);
    writer_.respond(std::move(response));
  }

  Mutex mutex_;
  http::ResponseWriter writer_;
  std::unique_ptr<serving::ChatStream> stream_;
  const openai::ReplyHead head_;
  const Measured measured_;
  protocol::ChatReply reply_ GUARDED_BY(mutex_);
  bool is_done_ GUARDED_BY(mutex_) = false;
};

Result<openai::ChatCall> decode_call(const Call& call) {
  return openai::decode_chat(TRY(body_object(call)));
}

}  // namespace

void list_models(Call call) {
  auto models = call.services.serving.models(call.request);
  if (models.is_error()) return answer(call, models.error());
  std::vector<openai::ModelCard> cards;
  for (const auto& model : *models) cards.push_back(card_of(model));
  cards.push_back({call.services.embedder.name(), 0, "plinth"});
  answer(call, openai::encode_models(cards));
}

void get_model(Call call) {
  if (call.parameter("model") == call.services.embedder.name()) {
    return answer(call, openai::encode_model({call.services.embedder.name(), 0, "plinth"}));
  }
  auto model = call.services.serving.model(call.request, call.parameter("model"));
  if (model.is_error()) return answer(call, model.error());
  answer(call, openai::encode_model(card_of(*model)));
}

void chat_completions(Call call) {
  auto decoded = decode_call(call);
  if (decoded.is_error()) return answer(call, decoded.error());
  call.request.label = label_of_conversation(call.request, decoded->request);
  const std::string model = decoded->request.model;
  auto stream = call.services.serving.chat(call.request, std::move(decoded->request));
  if (stream.is_error()) return answer(call, stream.error());
  openai::ReplyHead head{"chatcmpl-" + (*stream)->id(), model,
                         call.services.clock.wall().unix_ms / 1000};
  if (decoded->is_stream) {
    std::make_shared<ChatResponse>(call.services, std::move(call.writer), std::move(*stream),
                                   std::move(head), decoded->is_usage_wanted, call.measured)
        ->start();
  } else {
    std::make_shared<WholeResponse>(std::move(call.writer), std::move(*stream), std::move(head),
                                    call.measured)
        ->start();
  }
}

void embeddings(Call call) {
  auto decoded = [&]() -> Result<openai::EmbeddingsCall> {
    return openai::decode_embeddings(TRY(body_object(call)));
  }();
  if (decoded.is_error()) return answer(call, decoded.error());
  const memory::Embedder& embedder = call.services.embedder;
  if (decoded->model != embedder.name()) {
    return answer(call, make_error(ErrorCode::not_found,
                                   "no embedding model '" + decoded->model + "'; this node has '" +
                                       embedder.name() + "'",
                                   "model"));
  }
  const guard::Decision decision = call.services.guard.authorizer().authorize(
      call.request,
      guard::Action{guard::ActionKind::model_call, "model", decoded->model,
                    Json::object({{"inputs", static_cast<int64_t>(decoded->inputs.size())}})});
  if (auto allowed = guard::require_allowed(decision); allowed.is_error()) {
    return answer(call, allowed.error());
  }
  std::vector<std::vector<float>> vectors;
  int64_t words = 0;
  for (const std::string& input : decoded->inputs) {
    auto vector = embedder.embed(input);
    if (vector.is_error()) return answer(call, vector.error());
    vectors.push_back(std::move(*vector));
    // The lexical embedder has no tokens; whitespace-separated words are what usage counts.
    bool is_inside = false;
    for (const char c : input) {
      const bool is_space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
      if (!is_space && !is_inside) ++words;
      is_inside = !is_space;
    }
  }
  answer(call, openai::encode_embeddings(*decoded, vectors, words));
}

}  // namespace plinth::api::endpoints
