// SPDX-License-Identifier: Apache-2.0
// A call on its replicas: choosing one, starting there, passing its events on, moving to another
// while nothing of the reply exists. Replicas and readers are only ever called with the lock
// released, since both may call back.
#include <algorithm>

#include "base/check.h"
#include "base/units.h"
#include "serving/calls.h"
#include "serving/chat_events.h"

namespace plinth::serving {

using protocol::ChatEvent;

namespace {

// Nothing was made yet that another replica could contradict.
bool may_try_elsewhere(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::overloaded ||
         error.code == ErrorCode::rate_limited;
}

}  // namespace

// Starts the call on the best replica, then the next best, as long as they refuse for lack of room
// or reach. On an error the call has ended and its slot is free again.
Status Calls::start(const std::string& id) {
  Status last = ok();
  while (true) {
    auto attempt = choose(id);
    if (attempt.is_error()) {
      // The cause of the last refusal says more than "no replica is left".
      if (last.is_ok()) last = std::move(attempt).error();
      const Next next = after_refusals(id);
      if (next == Next::wait) return ok();
      if (next == Next::give_up) break;
      continue;
    }
    if (!*attempt) return ok();
    last = start_attempt(id, **std::move(attempt));
    if (last.is_ok() || !may_try_elsewhere(last.error())) break;
  }
  if (last.is_ok()) return last;
  Error error = std::move(last).error();
  if (error.code == ErrorCode::overloaded) {
    if (!error.retry_after_ms) error.retry_after_ms = to_ms(decisions::kRetryAfterUnknown);
    meters_.refused(error);
  }
  std::function<void()> tell = [] {};
  {
    MutexLock lock(mutex_);
    if (calls_.contains(id)) tell = end(id, failed_event(error));
  }
  tell();
  return error;
}

Calls::Next Calls::after_refusals(const std::string& id) {
  std::function<void()> tell;
  Next next = Next::give_up;
  {
    MutexLock lock(mutex_);
    const auto found = calls_.find(id);
    if (found == calls_.end()) return next;
    Call& call = *found->second;
    const bool had_fallbacks = !call.fallbacks.empty();
    constexpr bool kIsCounted = false;  // it was when it came
    if (move_on(id, call, kIsCounted, tell)) {
      next = call.phase == Phase::waiting ? Next::wait : Next::try_again;
    } else if (had_fallbacks && has_untried(call)) {
      // A replica that failed lately was passed over for the sake of the fallbacks.
      next = Next::try_again;
    }
  }
  if (tell) tell();
  return next;
}

Result<std::optional<Calls::Attempt>> Calls::choose(const std::string& id) {
  std::vector<Replica*> replicas;
  {
    MutexLock lock(mutex_);
    const auto found = calls_.find(id);
    if (found == calls_.end()) return std::optional<Attempt>();
    for (const auto& entry : found->second->model->replicas) {
      replicas.push_back(entry->replica.get());
    }
  }
  std::map<std::string, ReplicaLoad> loads;
  for (const Replica* replica : replicas) loads[replica->id()] = replica->load();

  MutexLock lock(mutex_);
  const auto found = calls_.find(id);
  if (found == calls_.end()) return std::optional<Attempt>();
  Call& call = *found->second;
  Model& model = *call.model;
  const MonotonicTime now = clock_.now();
  decisions::RouteState state;
  for (const auto& entry : model.replicas) {
    const std::string& replica = entry->replica->id();
    if (call.tried.contains(replica)) continue;
    state.candidates.push_back(entry->ledger.candidate(
        replica, loads[replica], entry->replica->parallel_max(), call.shape, now));
  }
  const auto expected = static_cast<int64_t>(model.output_tokens_mean);
  const decisions::RouteQuery query{call.shape.tokens,
                                    std::min(call.chat.max_tokens.value_or(expected), expected)};
  decisions::RouteChoice choice = choose_replica_(state, query);
  if (!choice.id && call.fallbacks.empty()) {
    // A replica that failed lately is still better than a refusal.
    for (auto& candidate : state.candidates) candidate.is_healthy = true;
    choice = choose_replica_(state, query);
  }
  if (!choice.id) {
    return make_error(ErrorCode::unavailable,
                      "model " + model.name + ": no replica is left to try");
  }
  const auto chosen =
      std::find_if(model.replicas.begin(), model.replicas.end(),
                   [&](const auto& entry) { return entry->replica->id() == *choice.id; });
  call.replica = chosen->get();
  call.phase = Phase::starting;
  call.tried.insert(*choice.id);
  call.times.started = now;
  ++call.attempt;
  call.replica->ledger.started(id, call.shape, query.output_tokens, now);
  call.record.attempts.push_back({*choice.id, choice.reason, now - call.times.admitted});
  meters_.started(call.record.model, call.record.operation, call.request.id, choice,
                  now - call.times.admitted);
  call.has_chat = has_untried(call);
  return std::optional(
      Attempt{call.replica->replica.get(),
              {id, call.has_chat ? call.chat : std::move(call.chat), call.group, call.embedding},
              call.attempt});
}

Status Calls::start_attempt(const std::string& id, Attempt attempt) {
  const int number = attempt.number;
  Status started = attempt.replica->start(
      std::move(attempt.call),
      [this, id, number](ChatEvent event) { on_event(id, number, std::move(event)); });
  MutexLock lock(mutex_);
  const auto found = calls_.find(id);
  if (found == calls_.end() || found->second->attempt != number) return ok();  // ended meanwhile
  Call& call = *found->second;
  if (started.is_ok()) {
    // A quick failure may already have sent it on its way to another replica.
    if (call.replica != nullptr) call.phase = Phase::running;
  } else {
    CHECK(call.replica != nullptr);
    call.replica->ledger.failed(id, started.error().code == ErrorCode::unavailable, clock_.now());
    call.replica = nullptr;
    call.record.attempts.back().failure = started.error().message;
  }
  return started;
}

void Calls::on_event(const std::string& id, int attempt, ChatEvent event) {
  std::function<void()> tell;
  bool is_over = true;
  {
    MutexLock lock(mutex_);
    const auto found = calls_.find(id);
    if (found == calls_.end() || found->second->attempt != attempt) return;
    Call& call = *found->second;
    if (call.replica == nullptr) return;
    const MonotonicTime now = clock_.now();
    ReplicaLedger& ledger = call.replica->ledger;
    if (!is_end(event)) {
      if (!call.has_event) {
        call.has_event = true;
        call.times.first_token = now;
        ledger.first_token(id, now);
      }
      tell = [writer = call.writer, event = std::move(event)]() mutable {
        writer.write(std::move(event));
      };
    } else {
      const bool is_failed = event.kind == ChatEvent::Kind::failed;
      if (is_failed && try_elsewhere(id, call, event.error, now, tell)) {
        is_over = false;
      } else if (is_failed) {
        ledger.failed(id, event.error.code == ErrorCode::unavailable, now);
      } else {
        ledger.finished(id, event.usage, now);
      }
      if (is_over) tell = end(id, std::move(event));
    }
  }
  if (tell) tell();
}

bool Calls::has_untried(const Call& call) const {
  if (!call.has_chat) return false;
  return !call.fallbacks.empty() || has_untried_replica(call);
}

bool Calls::has_untried_replica(const Call& call) {
  return std::any_of(call.model->replicas.begin(), call.model->replicas.end(),
                     [&](const auto& entry) { return !call.tried.contains(entry->replica->id()); });
}

bool Calls::try_elsewhere(const std::string& id, Call& call, const Error& cause, MonotonicTime now,
                          std::function<void()>& tell) {
  if (call.has_event || call.is_stopping || !may_try_elsewhere(cause) || !has_untried(call)) {
    return false;
  }
  ReplicaLedger& ledger = call.replica->ledger;
  const bool is_moving = !has_untried_replica(call);
  constexpr bool kIsCounted = false;  // it was when it came
  if (is_moving && !move_on(id, call, kIsCounted, tell)) return false;
  ledger.failed(id, cause.code == ErrorCode::unavailable, now);
  call.replica = nullptr;
  call.record.attempts.back().failure = cause.message;
  meters_.retried(cause);
  if (!is_moving) call.phase = Phase::starting;
  if (call.phase == Phase::starting) due_.push_back(id);
  changed_.notify_all();
  return true;
}

}  // namespace plinth::serving
