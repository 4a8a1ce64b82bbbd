// SPDX-License-Identifier: Apache-2.0
// The channel's shared state and its two ends. The state is shared between two owners on purpose:
// either end may go first. The callback is never called under the lock, and never after its reader
// is gone.
#include "serving/channel.h"

#include <deque>
#include <thread>

#include "base/mutex.h"

namespace plinth::serving {

using protocol::ChatEvent;

struct ChannelState {
  Mutex mutex;
  Condition changed;
  std::deque<ChatEvent> events GUARDED_BY(mutex);
  size_t bytes GUARDED_BY(mutex) = 0;
  bool is_ended GUARDED_BY(mutex) = false;
  bool is_cancelled GUARDED_BY(mutex) = false;
  std::function<void()> callback GUARDED_BY(mutex);
  std::function<void()> on_cancel GUARDED_BY(mutex);
  // At most one thread is inside the callback; events that come meanwhile make it run once more.
  bool is_calling GUARDED_BY(mutex) = false;
  bool is_call_due GUARDED_BY(mutex) = false;
  std::thread::id caller GUARDED_BY(mutex);
};

namespace {

size_t bytes_of(const ChatEvent& event) {
  size_t bytes = event.text.size() + event.tool_call.name.size() + event.tool_call.arguments.size();
  for (const protocol::ChosenLogprob& entry : event.logprobs) {
    bytes += (1 + entry.top.size()) * sizeof(protocol::TokenLogprob);
  }
  return bytes;
}

bool is_end(const ChatEvent& event) {
  return event.kind == ChatEvent::Kind::finished || event.kind == ChatEvent::Kind::failed;
}

void push(ChannelState& state, ChatEvent event) REQUIRES(state.mutex) {
  const size_t bytes = bytes_of(event);
  const bool is_over = !is_end(event) && (state.bytes + bytes > kChannelBytesMax ||
                                          state.events.size() >= kChannelHardEventsMax);
  if (is_over) {
    ChatEvent failure;
    failure.kind = ChatEvent::Kind::failed;
    failure.error = make_error(ErrorCode::overloaded,
                               "the reader is too slow: its unread reply outgrew the channel; "
                               "read the stream faster or ask for fewer tokens");
    state.events.push_back(std::move(failure));
    state.is_ended = true;
    return;
  }
  state.bytes += bytes;
  const bool flows_together =
      state.events.size() >= kChannelEventsMax && is_joinable(state.events.back(), event);
  if (flows_together) {
    append_text(state.events.back(), std::move(event));
    return;
  }
  if (is_end(event)) {
    state.is_ended = true;
    state.on_cancel = nullptr;  // nothing is left to cancel
  }
  state.events.push_back(std::move(event));
}

// Runs the callback until no event came while it ran. Once it was told of the end it is released:
// it often owns the reader, and nothing will ever be ready again.
void call_back(ChannelState& state) {
  std::function<void()> released;
  {
    MutexLock lock(state.mutex);
    state.is_call_due = true;
    if (state.is_calling) return;
    state.is_calling = true;
    state.caller = std::this_thread::get_id();
  }
  while (true) {
    std::function<void()> callback;
    {
      MutexLock lock(state.mutex);
      if (!state.is_call_due || !state.callback) {
        if (state.is_ended) released.swap(state.callback);
        state.is_call_due = false;
        break;
      }
      state.is_call_due = false;
      callback = state.callback;
    }
    callback();
  }
  released = nullptr;  // may destroy the reader, which must not wait for this very call
  MutexLock lock(state.mutex);
  state.is_calling = false;
  state.caller = {};
  state.changed.notify_all();
}

class Reader final : public ChatStream {
 public:
  Reader(std::string id, std::shared_ptr<ChannelState> state)
      : id_(std::move(id)), state_(std::move(state)) {}

  ~Reader() override {
    cancel();
    std::function<void()> released;
    MutexLock lock(state_->mutex);
    state_->is_ended = true;  // nothing is kept for a reader that is gone
    released.swap(state_->callback);
    // A callback in flight on another thread may still use what its owner is about to destroy. A
    // callback that destroys its own stream does not wait for itself.
    while (state_->is_calling && state_->caller != std::this_thread::get_id()) {
      state_->changed.wait(state_->mutex);
    }
    state_->events.clear();
  }

  const std::string& id() const override { return id_; }

  std::optional<ChatEvent> try_next() override {
    MutexLock lock(state_->mutex);
    return take();
  }

  std::optional<ChatEvent> next(Duration wait) override {
    const auto until = std::chrono::steady_clock::now() + std::min(wait, kWaitMax);
    MutexLock lock(state_->mutex);
    while (state_->events.empty() && !state_->is_ended) {
      const auto left = until - std::chrono::steady_clock::now();
      if (left <= std::chrono::nanoseconds::zero()) return std::nullopt;
      state_->changed.wait_for(state_->mutex, left);
    }
    return take();
  }

  void on_ready(std::function<void()> callback) override {
    bool is_due = false;
    {
      MutexLock lock(state_->mutex);
      is_due = !state_->events.empty();
      if (!is_due && state_->is_ended) return;  // nothing more will come
      state_->callback = std::move(callback);
    }
    const auto state = state_;  // the callback may destroy this reader
    if (is_due) call_back(*state);
  }

  void cancel() override {
    std::function<void()> tell;
    {
      MutexLock lock(state_->mutex);
      state_->is_cancelled = true;
      tell.swap(state_->on_cancel);
    }
    if (tell) tell();
  }

 private:
  static constexpr Duration kWaitMax = std::chrono::hours(24);

  std::optional<ChatEvent> take() REQUIRES(state_->mutex) {
    if (state_->events.empty()) return std::nullopt;
    ChatEvent event = std::move(state_->events.front());
    state_->events.pop_front();
    state_->bytes -= std::min(state_->bytes, bytes_of(event));
    return event;
  }

  const std::string id_;
  const std::shared_ptr<ChannelState> state_;
};

}  // namespace

bool ChannelWriter::write(ChatEvent event) {
  {
    MutexLock lock(state_->mutex);
    if (state_->is_ended) return false;
    push(*state_, std::move(event));
    state_->changed.notify_all();
  }
  call_back(*state_);
  return !is_cancelled();
}

bool ChannelWriter::is_cancelled() const {
  MutexLock lock(state_->mutex);
  return state_->is_cancelled;
}

void ChannelWriter::on_cancel(std::function<void()> callback) {
  MutexLock lock(state_->mutex);
  state_->on_cancel = std::move(callback);
}

Channel create_channel(std::string id) {
  auto state = std::make_shared<ChannelState>();
  return {std::make_unique<Reader>(std::move(id), state), ChannelWriter(state)};
}

}  // namespace plinth::serving
