// SPDX-License-Identifier: Apache-2.0
// What the started calls of one event loop share: the connections kept for the next call, name
// lookups, the clock of their times. Lives on that loop.
#pragma once

#include <array>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/mutex.h"
#include "http/client/link.h"
#include "http/client/resolve.h"
#include "http/detail/loop_gate.h"

namespace plinth::http {

class AsyncCall;

// Made once: reading the system's certificates takes milliseconds. Shared by all calls after that.
class SharedTls {
 public:
  Result<boost::asio::ssl::context*> context() EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::unique_ptr<boost::asio::ssl::context> context_ GUARDED_BY(mutex_);
};

class ClientLane final : public Link::Keeper, public std::enable_shared_from_this<ClientLane> {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Looked = std::function<void(const Result<Endpoints>&)>;

  ClientLane(EventLoop& loop, std::shared_ptr<SharedTls> tls)
      : loop_(loop), tls_(std::move(tls)), timer_(std::in_place, loop.context()) {}

  EventLoop& loop() { return loop_; }
  SharedTls& tls() { return *tls_; }
  // False once the lane is closed.
  bool post(std::function<void()> task) { return gate_->post(std::move(task)); }

  // On the loop, all that follows.
  // overloaded beyond kCallsMax, cancelled once closed.
  Status add(const std::shared_ptr<AsyncCall>& call);
  void remove(const std::shared_ptr<AsyncCall>& call) { calls_.erase(call); }
  // The connection that rested last and is still quiet; null when none is.
  std::shared_ptr<Link> take(const std::string& origin);
  void keep(const std::string& origin, std::shared_ptr<Link> link);
  void on_idle_link_end(Link& link) override;
  // Calls are asked to look at their times no later than this.
  void expect(TimePoint until);
  // One lookup of a name at a time; its outcome serves everyone who waits, and those who come soon
  // after.
  void look_up(const std::string& host, uint16_t port, Looked looked);
  boost::asio::mutable_buffer scratch() { return boost::asio::buffer(scratch_); }
  size_t idle() const { return idle_count_; }
  // Ends every call with cancelled, closes every connection, takes no more tasks.
  void close();
  bool is_closed() const { return is_closed_; }

 private:
  struct Idle {
    std::shared_ptr<Link> link;
    TimePoint since;
  };
  struct Lookup {
    bool is_running = true;
    Result<Endpoints> outcome = Endpoints{};
    TimePoint until{};  // how long the outcome serves
    std::vector<Looked> waiting;
  };

  void start_timer();
  void on_timer();
  void drop_old(TimePoint now);
  void finish_lookup(const std::string& name, Result<Endpoints> outcome);

  EventLoop& loop_;
  const std::shared_ptr<SharedTls> tls_;
  const std::shared_ptr<LoopGate> gate_ = std::make_shared<LoopGate>(loop_);
  // None once the lane is closed: a call may be held longer than the loop is there.
  std::optional<boost::asio::steady_timer> timer_;
  TimePoint timer_end_{};
  bool is_timer_pending_ = false;
  bool is_closed_ = false;
  std::unordered_set<std::shared_ptr<AsyncCall>> calls_;
  std::unordered_map<std::string, std::vector<Idle>> idle_;  // by origin; the oldest first
  size_t idle_count_ = 0;
  std::unordered_map<std::string, Lookup> lookups_;  // by "host:port"
  std::array<char, 64u << 10> scratch_{};
};

}  // namespace plinth::http
