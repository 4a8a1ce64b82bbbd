// SPDX-License-Identifier: Apache-2.0
// The thread of Calls: starts what has a slot, and looks at every call for a reason to end that its
// replica does not know of: a cancellation, a passed deadline, too long a wait.
#include "base/log.h"
#include "base/units.h"
#include "serving/calls.h"
#include "serving/chat_events.h"

namespace plinth::serving {

using protocol::ChatEvent;

void Calls::run_dispatcher() {
  MonotonicTime busy_until{};
  while (true) {
    Work work;
    bool is_last = false;
    {
      MutexLock lock(mutex_);
      work = look();
      while (work.is_empty() && !is_stopping_) {
        if (!calls_.empty()) busy_until = clock_.now() + kPollTail;
        is_asleep_ = calls_.empty() && clock_.now() >= busy_until;
        if (is_asleep_) {
          changed_.wait(mutex_);
        } else {
          changed_.wait_for(mutex_, kPollInterval);
        }
        is_asleep_ = false;
        work = look();
      }
      is_last = is_stopping_;
    }
    // Also when stopping: those calls are no longer among the open ones.
    for (const auto& tell : work.ends) tell();
    if (is_last) return;
    for (const auto& [replica, id] : work.cancels) replica->cancel(id);
    for (const std::string& id : work.starts) {
      // A failed start has told the reader already.
      if (const Status started = start(id); started.is_error()) {
        log_event(LogLevel::info, "serving.start_failed",
                  {{"call", id}, {"error", std::string(error_name(started.error().code))}});
      }
    }
  }
}

void Calls::watch(const std::string& id, Call& call) {
  next_end_ = std::min(next_end_, end_of(call));
  if (call.cancellation.is_shared()) polled_.push_back(id);
  call.writer.on_cancel([cancelled = cancelled_, id] { cancelled->add(id); });
  if (is_asleep_) changed_.notify_all();
}

MonotonicTime Calls::end_of(const Call& call) const {
  MonotonicTime end = call.deadline.time().value_or(MonotonicTime::max());
  if (call.phase == Phase::waiting) end = std::min(end, call.queued + limits_.queue_wait_max);
  return end;
}

Calls::Work Calls::look() {
  Work work;
  work.starts.swap(due_);
  const MonotonicTime now = clock_.now();
  for (const std::string& id : suspects(now)) examine(id, now, work);
  return work;
}

std::vector<std::string> Calls::suspects(MonotonicTime now) {
  std::vector<std::string> found = cancelled_->take();
  for (std::string& id : std::exchange(polled_, {})) {
    const auto call = calls_.find(id);
    if (call == calls_.end()) continue;
    // Asked first: the last other holder may cancel and go at once.
    const bool is_shared = call->second->cancellation.is_shared();
    if (call->second->is_stopping || call->second->cancellation.is_cancelled()) {
      found.push_back(std::move(id));
    } else if (is_shared) {
      polled_.push_back(std::move(id));
    }
  }
  if (now < next_end_) return found;
  next_end_ = MonotonicTime::max();
  for (const auto& [id, call] : calls_) {
    const MonotonicTime end = end_of(*call);
    if (end <= now) {
      found.push_back(id);
    } else {
      next_end_ = std::min(next_end_, end);
    }
  }
  return found;
}

void Calls::examine(const std::string& id, MonotonicTime now, Work& work) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  Call& call = *found->second;
  if (call.is_stopping && call.is_cancel_sent) return;
  auto last = reason_to_end(call, now);
  if (!last) return;
  if (call.replica == nullptr) {
    work.ends.push_back(end(id, *std::move(last)));
    return;
  }
  stop_running(id, call, *std::move(last), work);
  if (!call.is_cancel_sent) polled_.push_back(id);  // its replica does not know it yet
}

std::optional<ChatEvent> Calls::reason_to_end(const Call& call, MonotonicTime now) const {
  if (call.writer.is_cancelled() || call.cancellation.is_cancelled()) return cancelled_event();
  if (call.deadline.time() && now >= *call.deadline.time()) {
    return failed_event(make_error(ErrorCode::deadline_exceeded,
                                   call.phase == Phase::waiting
                                       ? "the deadline passed while the request waited for a slot"
                                       : "the deadline passed before the reply was complete"));
  }
  if (call.phase == Phase::waiting && now - call.queued >= limits_.queue_wait_max) {
    Error error = make_error(ErrorCode::overloaded, "no slot became free within " +
                                                        format_duration(limits_.queue_wait_max) +
                                                        "; try again later");
    error.retry_after_ms = to_ms(decisions::kRetryAfterUnknown);
    return failed_event(std::move(error));
  }
  return std::nullopt;
}

// The slot stays taken until the replica has let go; the reader of a passed deadline hears of it at
// once.
void Calls::stop_running(const std::string& id, Call& call, ChatEvent last, Work& work) {
  const bool is_first_time = !call.is_stopping;
  call.is_stopping = true;
  if (is_first_time && last.kind == ChatEvent::Kind::failed) {
    call.verdict = last;
    work.ends.push_back([writer = call.writer, last = std::move(last)]() mutable {
      writer.write(std::move(last));
    });
  }
  if (call.phase != Phase::running) return;  // seen again once its replica knows it
  call.is_cancel_sent = true;
  work.cancels.emplace_back(call.replica->replica.get(), id);
}

}  // namespace plinth::serving
