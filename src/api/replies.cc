// SPDX-License-Identifier: Apache-2.0
#include "api/replies.h"

#include "base/mutex.h"
#include "http/sse.h"

namespace plinth::api {
namespace {

using protocol::ChatEvent;
using protocol::Frame;
using protocol::Framing;

// A small model makes tokens faster than any client reads events; what is made within this time of
// the last frame shares the next one. Slower than 100 tokens a second, each has a frame of its own.
constexpr Duration kFrameIntervalMin = std::chrono::milliseconds(10);

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

std::string on_wire(const Frame& frame, Framing framing) {
  if (framing == Framing::lines) return frame.data + "\n";
  if (frame.event.empty()) return http::encode_sse_data(frame.data);
  return http::encode_sse({frame.event, frame.data, {}});
}

// The replies of one call. Events come from whichever thread has one; a reply that fails before
// anything was sent is an error answer, not a stream.
class Replies : public std::enable_shared_from_this<Replies> {
 public:
  Replies(Call call, std::vector<std::unique_ptr<serving::ChatStream>> streams, ReplyPlan plan)
      : clock_(call.services.clock),
        timers_(EventLoop::current() ? *EventLoop::current() : call.services.timers),
        workers_(call.services.workers),
        measured_(call.measured),
        is_stream_(plan.is_stream),
        streams_(std::move(streams)),
        writer_(std::move(call.writer)),
        encoder_(std::move(plan.encoder)),
        observer_(std::move(plan.observer)),
        replies_(streams_.size()),
        is_ended_(streams_.size(), false) {}

  void start() {
    // The streams' callbacks keep this object alive until the replies ended; the close callback
    // only looks.
    std::weak_ptr<Replies> seen = weak_from_this();
    writer_.on_close([seen] {
      if (auto alive = seen.lock()) alive->cancel();
    });
    for (const auto& stream : streams_) {
      stream->on_ready([self = shared_from_this()] { self->pump(); });
    }
  }

 private:
  void pump() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (is_done_ || is_waiting_) return;
    const Duration early = is_begun_ ? last_sent_ + kFrameIntervalMin - clock_.now() : Duration(0);
    if (early <= Duration(0)) return drain();
    is_waiting_ = true;
    timers_.schedule(early, [self = shared_from_this()] { self->resume(); });
  }

  void resume() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    is_waiting_ = false;
    drain();
  }

  void drain() REQUIRES(mutex_) {
    for (size_t choice = 0; choice < streams_.size() && !is_done_; ++choice) drain(choice);
  }

  // Takes all that is there, neighbouring texts as one.
  void drain(size_t choice) REQUIRES(mutex_) {
    std::optional<ChatEvent> text;
    while (!is_done_ && !is_ended_[choice]) {
      auto event = streams_[choice]->try_next();
      if (event && text && protocol::is_joinable(*text, *event)) {
        protocol::append_text(*text, std::move(*event));
        continue;
      }
      if (text) take(choice, std::move(*text));
      text.reset();
      if (!event) return;
      if (protocol::is_joinable(*event, *event)) {
        text = std::move(event);
      } else {
        take(choice, std::move(*event));
      }
    }
  }

  void take(size_t choice, ChatEvent event) REQUIRES(mutex_) {
    if (event.kind == ChatEvent::Kind::failed) return fail(event.error);
    const bool is_end = event.kind == ChatEvent::Kind::finished;
    if (is_stream_) {
      if (!is_begun_) begin();
      send(encoder_->event(choice, event));
    }
    // A stream's texts are gone once sent, unless somebody wants them at the end.
    if (!is_stream_ || observer_ || is_end) protocol::add_event(replies_[choice], std::move(event));
    if (!is_end) return;
    is_ended_[choice] = true;
    if (++ended_ == streams_.size()) finish();
  }

  void begin() REQUIRES(mutex_) {
    is_begun_ = true;
    const bool is_events = encoder_->framing() == Framing::server_sent_events;
    writer_.begin_stream(
        200, {{"content-type", is_events ? "text/event-stream" : "application/x-ndjson"},
              {"cache-control", "no-store"}});
    send(encoder_->begin());
  }

  // The thread is that of whoever made the last event, so what may block happens elsewhere.
  void finish() REQUIRES(mutex_) {
    is_done_ = true;
    if (!observer_) return end();
    const Status submitted = workers_.submit([self = shared_from_this()] { self->observe(); });
    if (submitted.is_error()) fail(submitted.error());
  }

  void observe() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);  // nobody waits for it: every stream has ended
    const Status observed = observer_(replies_);
    if (observed.is_error()) return fail(observed.error());
    end();
  }

  void end() REQUIRES(mutex_) {
    measured_.done(200);
    if (is_stream_) {
      send(encoder_->end(protocol::usage_of(replies_)));
      return writer_.end();
    }
    writer_.respond(http::ServerResponse::json(200, encoder_->whole(replies_).dump()));
  }

  // After the first frame the peer has a 200 whatever comes; the error's own status is counted.
  void fail(const Error& error) REQUIRES(mutex_) {
    is_done_ = true;
    measured_.done(error_row(error.code).http_status);
    cancel();
    if (!is_begun_) {
      auto response = error_response(error, encoder_->error(error));
      return writer_.respond(std::move(response));
    }
    send(encoder_->fail(error));
    writer_.end();
  }

  void send(const std::vector<Frame>& frames) REQUIRES(mutex_) {
    last_sent_ = clock_.now();
    std::string bytes;
    for (const Frame& frame : frames) bytes += on_wire(frame, encoder_->framing());
    if (!bytes.empty() && !writer_.write(bytes)) cancel();
  }

  void cancel() {
    for (const auto& stream : streams_) stream->cancel();
  }

  const Clock& clock_;
  EventLoop& timers_;
  WorkerPool& workers_;
  const Measured measured_;
  const bool is_stream_;
  const std::vector<std::unique_ptr<serving::ChatStream>> streams_;
  Mutex mutex_;
  http::ResponseWriter writer_;
  const std::unique_ptr<protocol::ReplyEncoder> encoder_;
  const ReplyObserver observer_;
  std::vector<protocol::ChatReply> replies_ GUARDED_BY(mutex_);
  std::vector<bool> is_ended_ GUARDED_BY(mutex_);
  size_t ended_ GUARDED_BY(mutex_) = 0;
  bool is_begun_ GUARDED_BY(mutex_) = false;
  bool is_waiting_ GUARDED_BY(mutex_) = false;  // for the next frame's time
  MonotonicTime last_sent_ GUARDED_BY(mutex_);
  bool is_done_ GUARDED_BY(mutex_) = false;
};

// "350ms", "12s", "6m0s".
std::string format_reset(Duration span) {
  const int64_t ms = (span.count() + 999'999) / 1'000'000;
  if (ms < 1000) return std::to_string(ms) + "ms";
  const int64_t seconds = (ms + 999) / 1000;
  if (seconds < 60) return std::to_string(seconds) + "s";
  return std::to_string(seconds / 60) + "m" + std::to_string(seconds % 60) + "s";
}

}  // namespace

void set_rate_headers(Call& call) {
  const auto limit = call.services.serving.rate_limit(call.request);
  if (!limit) return;
  call.writer.set_header("x-ratelimit-limit-requests", std::to_string(limit->requests));
  call.writer.set_header("x-ratelimit-remaining-requests", std::to_string(limit->remaining));
  call.writer.set_header("x-ratelimit-reset-requests", format_reset(limit->until_reset));
}

Result<std::vector<std::unique_ptr<serving::ChatStream>>> begin_chats(
    Call& call, const protocol::ChatRequest& chat, size_t choices) {
  call.request.label = label_of_conversation(call.request, chat);
  std::vector<std::unique_ptr<serving::ChatStream>> streams;
  for (size_t choice = 0; choice < choices; ++choice) {
    protocol::ChatRequest one = chat;
    one.is_further_choice = choice > 0;
    // The same seed would make the same reply.
    if (one.sampling.seed) {
      const auto seed = static_cast<uint64_t>(*one.sampling.seed) + choice;  // may wrap
      one.sampling.seed = static_cast<int64_t>(seed);
    }
    auto stream = call.services.serving.chat(call.request, std::move(one));
    set_rate_headers(call);
    streams.push_back(TRY(std::move(stream)));
  }
  return streams;
}

http::ServerResponse error_response(const Error& error, const Json& body) {
  auto response = http::ServerResponse::json(error_row(error.code).http_status, body.dump());
  if (error.retry_after_ms) {
    response.headers.emplace_back("retry-after",
                                  std::to_string((*error.retry_after_ms + 999) / 1000));
  }
  if (error.code == ErrorCode::unauthenticated) {
    response.headers.emplace_back("www-authenticate", "Bearer");
  }
  return response;
}

void send_replies(Call call, std::vector<std::unique_ptr<serving::ChatStream>> streams,
                  ReplyPlan plan) {
  std::make_shared<Replies>(std::move(call), std::move(streams), std::move(plan))->start();
}

}  // namespace plinth::api
