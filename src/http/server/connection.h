// SPDX-License-Identifier: Apache-2.0
// One connection: a state machine that lives on one event loop. Reads requests one at a time, hands
// each to a handler, writes the answer, and watches the peer all the while.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "base/loop.h"
#include "base/mutex.h"
#include "http/server/answer.h"
#include "http/server/request_reader.h"

namespace plinth::http {

class Connection;

// How many connections live, for the limit and for those who wait for the last one.
class ConnectionCount {
 public:
  size_t add(int64_t change) EXCLUDES(mutex_);
  bool wait_for_none(Duration span) EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  Condition changed_;
  size_t count_ GUARDED_BY(mutex_) = 0;
};

// What all connections of a server share. Outlives them.
struct ServerCore {
  ServerCore(const ServerOptions& server_options, Handler server_handler)
      : options(std::make_shared<const ServerOptions>(server_options)),
        handler(std::move(server_handler)),
        workers(server_options.workers, server_options.worker_queue_max) {}

  const std::shared_ptr<const ServerOptions> options;  // answers may outlive the server
  const Handler handler;
  std::atomic<bool> is_draining{false};
  std::atomic<size_t> served{0};  // connections that count against connections_max
  ConnectionCount connections;    // these and the ones being refused
  WorkerPool workers;
};

// One event loop and the connections on it (touched on the loop only).
struct Lane {
  explicit Lane(EventLoop* shared)
      : own_loop(shared == nullptr ? std::make_unique<EventLoop>() : nullptr),
        loop(shared == nullptr ? *own_loop : *shared) {}
  std::unordered_set<Connection*> connections;
  const std::unique_ptr<EventLoop> own_loop;  // null: the loop is shared with others
  EventLoop& loop;
  std::shared_ptr<LoopGate> gate = std::make_shared<LoopGate>(loop);
};

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  enum class Admission { served, refused };

  // The socket belongs to the lane's loop; call on that loop. It is counted already.
  Connection(ServerCore& core, Lane& lane, Socket socket, Admission admission);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();  // a refused one is told 503 and closed
  void close_if_idle();
  void close();

 private:
  using ErrorCodeOf = boost::system::error_code;
  enum class Phase { receiving, answering, lingering, closed };
  enum class Wait { none, idle, request, write, linger };

  void start_read();
  void on_readable(const ErrorCodeOf& error);
  void on_peer_end();
  void consume();
  void dispatch();
  void fail(const RequestFault& fault);
  void begin_answer(const AnswerForm& form, const std::string& path);
  void flush();
  void write_some();
  void on_written(const ErrorCodeOf& error, size_t bytes);
  void finish_answer();
  void linger();
  void expect(Wait wait, Duration span);
  void start_timer();
  void on_timer(const ErrorCodeOf& error);
  void on_expired();

  ServerCore& core_;
  Lane& lane_;
  const Admission admission_;
  std::shared_ptr<Connection> self_;  // while open: an answer may be all that is awaited
  Socket socket_;
  boost::asio::steady_timer timer_;
  std::string peer_address_;
  bool is_peer_loopback_ = false;

  Phase phase_ = Phase::receiving;
  std::optional<RequestReader> reader_;
  std::string input_;  // received, not yet read: the rest of a request, or pipelined ones
  bool is_read_pending_ = false;
  bool has_peer_ended_ = false;
  size_t lingered_bytes_ = 0;

  std::shared_ptr<ResponseWriter::Impl> answer_;
  std::string output_;
  size_t output_start_ = 0;
  bool is_writing_ = false;
  bool is_output_last_ = false;
  bool is_output_answer_ = false;  // not so for "100 Continue"

  Wait wait_ = Wait::none;
  boost::asio::steady_timer::time_point wait_end_;
  bool is_timer_pending_ = false;
};

}  // namespace plinth::http
