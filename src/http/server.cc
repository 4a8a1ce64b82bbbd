// SPDX-License-Identifier: Apache-2.0
// The server: one listener, loops with their connections, a pool for handlers; start, drain and
// stop.
#include "http/server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>

#include "base/check.h"
#include "base/log.h"
#include "http/server/connection.h"

namespace plinth::http {
namespace {

namespace net = boost::asio;
using net::ip::tcp;
using SystemError = boost::system::error_code;

constexpr int kBacklog = 1024;
constexpr size_t kRefusalsMax =
    64;  // connections beyond the limit that are told so; the rest are closed
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);  // after "too many open files"
constexpr Duration kCloseMax = std::chrono::seconds(5);

Result<tcp::endpoint> parse_endpoint(const ServerOptions& options) {
  SystemError error;
  const auto address =
      net::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, error);
  if (error) {
    return make_error(ErrorCode::invalid_argument,
                      "'" + options.host +
                          "' is not an address to listen on; use an IP address "
                          "such as 127.0.0.1 or 0.0.0.0",
                      "host");
  }
  return tcp::endpoint(address, options.port);
}

Status listen_on(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  SystemError error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  if (!error) return ok();
  const std::string place =
      endpoint.address().to_string() + " port " + std::to_string(endpoint.port());
  if (error == net::error::address_in_use) {
    return make_error(ErrorCode::already_exists,
                      place + " is in use by another process; stop it or choose another port",
                      "port");
  }
  const bool is_address = error == net::error::make_error_code(net::error::access_denied) ||
                          error.value() == EADDRNOTAVAIL;
  return make_error(is_address ? ErrorCode::invalid_argument : ErrorCode::io_failed,
                    "cannot listen on " + place + ": " + error.message());
}

class ServerImpl final : public Server {
 public:
  ServerImpl(const ServerOptions& options, Handler handler) : core_(options, std::move(handler)) {
    for (EventLoop* loop : options.shared_loops) lanes_.push_back(std::make_unique<Lane>(loop));
    while (lanes_.size() < std::max<size_t>(1, options.shared_loops.empty() ? options.loops : 1)) {
      lanes_.push_back(std::make_unique<Lane>(nullptr));
    }
    acceptor_ = std::make_unique<tcp::acceptor>(lanes_.front()->loop.context());
    accept_pause_ = std::make_unique<net::steady_timer>(lanes_.front()->loop.context());
  }

  ~ServerImpl() override {
    drain(Duration::zero());
    core_.workers.stop();
    // Answers that outlive the server find the gates closed.
    for (const auto& lane : lanes_) lane->gate->close();
    for (const auto& lane : lanes_) leave(*lane);
  }

  Status start() {
    const tcp::endpoint endpoint = TRY(parse_endpoint(*core_.options));
    TRY(listen_on(*acceptor_, endpoint));
    SystemError error;
    port_ = acceptor_->local_endpoint(error).port();
    if (error) return make_error(ErrorCode::io_failed, "cannot read the port: " + error.message());
    accept();
    for (const auto& lane : lanes_) {
      if (lane->own_loop) lane->own_loop->start();
    }
    is_started_ = true;
    return ok();
  }

  uint16_t port() const override { return port_; }

  void drain(Duration span) override {
    if (!is_started_) return;
    core_.is_draining = true;
    on_lane(*lanes_.front(), [this] {
      SystemError ignored;
      acceptor_->close(ignored);
      accept_pause_->cancel();
    });
    for_each_connection([](Connection& connection) { connection.close_if_idle(); });
    if (core_.connections.wait_for_none(span)) return;
    for_each_connection([](Connection& connection) { connection.close(); });
    if (!core_.connections.wait_for_none(kCloseMax)) {
      log_event(LogLevel::error, "http.connections_left_open");
    }
  }

 private:
  // Returns when the task is done. The wait has no limit: what runs before it on the loop may use
  // what is destroyed next.
  static void on_lane(Lane& lane, const std::function<void()>& task) {
    CHECK(EventLoop::current() != &lane.loop);  // it would wait for itself
    auto done = std::make_shared<std::promise<void>>();
    const auto finished = done->get_future();
    // The task alone owns the promise, so a loop that drops it ends the wait.
    lane.loop.post([task, done = std::move(done)] {
      task();
      done->set_value();
    });
    finished.wait();
  }

  // Handlers of what was closed still come, and a shared loop goes on. What a task leaves behind
  // runs after the tasks posted meanwhile, so the second of two fences is behind all of it.
  static void leave(Lane& lane) {
    if (lane.own_loop) return lane.own_loop->stop();
    on_lane(lane, [] {});
    on_lane(lane, [] {});
  }

  void for_each_connection(const std::function<void(Connection&)>& act) {
    for (const auto& lane : lanes_) {
      on_lane(*lane, [&connections = lane->connections, act] {
        // Closing takes a connection out of the set, so the walk is over a copy that keeps them
        // alive.
        std::vector<std::shared_ptr<Connection>> held;
        for (Connection* connection : connections) held.push_back(connection->shared_from_this());
        for (const auto& connection : held) act(*connection);
      });
    }
  }

  void accept() {
    Lane& lane = *lanes_[next_lane_++ % lanes_.size()];
    acceptor_->async_accept(lane.loop.context(),
                            [this, &lane](const SystemError& error, tcp::socket socket) {
                              if (!acceptor_->is_open()) return;
                              if (error) return on_accept_error(error);
                              take_in(lane, std::move(socket));
                              accept();
                            });
  }

  // Out of descriptors or memory: the backlog holds the callers while running answers end.
  void on_accept_error(const SystemError& error) {
    const bool is_exhausted = error == net::error::no_descriptors || error.value() == ENFILE ||
                              error == net::error::no_buffer_space ||
                              error == net::error::no_memory;
    if (!is_exhausted) return accept();
    log_event(LogLevel::warning, "http.accept_paused", {{"cause", error.message()}});
    accept_pause_->expires_after(kAcceptPause);
    accept_pause_->async_wait([this](const SystemError& wait_error) {
      if (!wait_error && acceptor_->is_open()) accept();
    });
  }

  void take_in(Lane& lane, tcp::socket socket) {
    const size_t max = core_.options->connections_max;
    if (core_.connections.add(1) > max + kRefusalsMax) {
      core_.connections.add(-1);
      return;
    }
    const bool is_refused = core_.served.fetch_add(1) >= max;
    if (is_refused) core_.served.fetch_sub(1);
    const auto admission =
        is_refused ? Connection::Admission::refused : Connection::Admission::served;
    net::post(lane.loop.context(), [this, &lane, admission, socket = std::move(socket)]() mutable {
      std::make_shared<Connection>(core_, lane, std::move(socket), admission)->start();
    });
  }

  ServerCore core_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::unique_ptr<tcp::acceptor> acceptor_;          // used on the first lane's loop
  std::unique_ptr<net::steady_timer> accept_pause_;  // likewise
  size_t next_lane_ = 0;
  uint16_t port_ = 0;
  bool is_started_ = false;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::create(const ServerOptions& options, Handler handler) {
  CHECK(handler != nullptr);
  auto server = std::make_unique<ServerImpl>(options, std::move(handler));
  TRY(server->start());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace plinth::http
