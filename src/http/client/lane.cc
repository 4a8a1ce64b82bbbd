// SPDX-License-Identifier: Apache-2.0
#include "http/client/lane.h"

#include <algorithm>

#include "http/client/async_call.h"

namespace plinth::http {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Duration kTimerStepMin = std::chrono::milliseconds(10);  // how late a passed time is seen
constexpr Duration kLookupFreshMax = std::chrono::seconds(1);
constexpr size_t kLookupsKeptMax = 256;

ClientLane::TimePoint after(ClientLane::TimePoint from, Duration span) {
  return from + std::chrono::duration_cast<Clock::duration>(span);
}

}  // namespace

Result<boost::asio::ssl::context*> SharedTls::context() {
  MutexLock lock(mutex_);
  if (!context_) context_ = TRY(make_tls_context());
  return context_.get();
}

Status ClientLane::add(const std::shared_ptr<AsyncCall>& call) {
  if (is_closed_) return make_error(ErrorCode::cancelled, "the client is closed");
  if (calls_.size() >= kCallsMax) {
    return make_error(ErrorCode::overloaded, std::to_string(kCallsMax) +
                                                 " calls to other servers run at once, the most; "
                                                 "try again later");
  }
  calls_.insert(call);
  return ok();
}

std::shared_ptr<Link> ClientLane::take(const std::string& origin) {
  const auto found = idle_.find(origin);
  if (found == idle_.end()) return nullptr;
  for (std::vector<Idle>& idle = found->second; !idle.empty();) {
    std::shared_ptr<Link> link = std::move(idle.back().link);
    idle.pop_back();
    --idle_count_;
    if (link->is_quiet()) return link;
    link->close();
  }
  return nullptr;
}

void ClientLane::keep(const std::string& origin, std::shared_ptr<Link> link) {
  if (is_closed_ || idle_count_ >= kIdleConnectionsMax) return link->close();
  std::vector<Idle>& idle = idle_[origin];
  if (idle.size() >= kIdleConnectionsPerOriginMax) return link->close();
  const TimePoint now = Clock::now();
  link->rest(*this);
  idle.push_back({std::move(link), now});
  ++idle_count_;
  expect(after(now, kIdleConnectionMax));
}

void ClientLane::on_idle_link_end(Link& link) {
  for (auto origin = idle_.begin(); origin != idle_.end(); ++origin) {
    const size_t erased =
        std::erase_if(origin->second, [&](const Idle& idle) { return idle.link.get() == &link; });
    if (erased == 0) continue;
    idle_count_ -= erased;
    if (origin->second.empty()) idle_.erase(origin);
    return;
  }
}

// As with the server's connections, the timer is moved only to an earlier time.
void ClientLane::expect(TimePoint until) {
  if (is_closed_ || (is_timer_pending_ && timer_end_ <= until)) return;
  timer_end_ = until;
  start_timer();
}

void ClientLane::start_timer() {
  timer_->expires_at(timer_end_);
  is_timer_pending_ = true;
  timer_->async_wait([weak = weak_from_this()](const Wire::SystemError& error) {
    const auto self = weak.lock();
    if (error || !self) return;  // moved: another wait is pending
    self->is_timer_pending_ = false;
    self->on_timer();
  });
}

void ClientLane::on_timer() {
  if (is_closed_) return;
  const TimePoint now = Clock::now();
  drop_old(now);
  const std::vector<std::shared_ptr<AsyncCall>> held(calls_.begin(), calls_.end());
  TimePoint next = TimePoint::max();
  for (const auto& call : held) next = std::min(next, call->check_time(now));
  for (const auto& [origin, idle] : idle_) {
    if (!idle.empty()) next = std::min(next, after(idle.front().since, kIdleConnectionMax));
  }
  if (next != TimePoint::max()) expect(std::max(next, after(now, kTimerStepMin)));
}

void ClientLane::drop_old(TimePoint now) {
  for (auto origin = idle_.begin(); origin != idle_.end();) {
    std::vector<Idle>& idle = origin->second;
    const auto fresh = std::find_if(idle.begin(), idle.end(), [&](const Idle& one) {
      return after(one.since, kIdleConnectionMax) > now;
    });
    std::for_each(idle.begin(), fresh, [](const Idle& one) { one.link->close(); });
    idle_count_ -= static_cast<size_t>(fresh - idle.begin());
    idle.erase(idle.begin(), fresh);
    origin = idle.empty() ? idle_.erase(origin) : std::next(origin);
  }
}

void ClientLane::look_up(const std::string& host, uint16_t port, Looked looked) {
  if (const auto known = known_endpoints(host, port)) return looked(*known);
  const std::string name = host + ":" + std::to_string(port);
  const auto found = lookups_.find(name);
  if (found != lookups_.end() && found->second.is_running) {
    found->second.waiting.push_back(std::move(looked));
    return;
  }
  if (found != lookups_.end() && found->second.until > Clock::now()) {
    return looked(Result<Endpoints>(found->second.outcome));
  }
  if (lookups_.size() >= kLookupsKeptMax) {
    std::erase_if(lookups_, [](const auto& item) { return !item.second.is_running; });
  }
  Lookup& lookup = lookups_[name];
  lookup = Lookup();
  lookup.waiting.push_back(std::move(looked));
  std::weak_ptr<ClientLane> weak = weak_from_this();
  Status started = start_lookup(host, port, [weak, gate = gate_, name](Result<Endpoints> outcome) {
    gate->post([weak, name, outcome = std::move(outcome)]() mutable {
      if (const auto self = weak.lock()) self->finish_lookup(name, std::move(outcome));
    });
  });
  if (started.is_error()) finish_lookup(name, std::move(started).error());
}

void ClientLane::finish_lookup(const std::string& name, Result<Endpoints> outcome) {
  Lookup& lookup = lookups_[name];
  lookup.is_running = false;
  lookup.until = outcome.is_ok() ? after(Clock::now(), kLookupFreshMax) : TimePoint{};
  lookup.outcome = outcome;
  const std::vector<Looked> waiting = std::exchange(lookup.waiting, {});
  for (const Looked& looked : waiting) looked(outcome);
}

void ClientLane::close() {
  is_closed_ = true;
  gate_->close();
  timer_.reset();
  const std::vector<std::shared_ptr<AsyncCall>> held(calls_.begin(), calls_.end());
  for (const auto& call : held) call->abort();
  for (const auto& [origin, idle] : idle_) {
    for (const Idle& one : idle) one.link->close();
  }
  idle_.clear();
  idle_count_ = 0;
  lookups_.clear();
}

}  // namespace plinth::http
