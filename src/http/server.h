// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 server: sockets on event loops, handlers on a worker pool or, when they are quick,
// on the loop itself; answers whole or streamed from any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/loop.h"
#include "base/result.h"

namespace plinth::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct ServerRequest {
  std::string method;  // "GET"
  std::string target;  // as sent
  std::string path;    // percent-decoded, no query; never contains ".." segments
  std::map<std::string, std::string> query;
  Headers headers;  // names lower case
  std::string body;
  std::string peer_address;
  bool is_peer_loopback = false;

  std::optional<std::string> header(std::string_view lower_case_name) const;
  std::optional<std::string> cookie(std::string_view name) const;
};

struct ServerResponse {
  int status = 200;
  Headers headers;
  std::string body;
  static ServerResponse json(int status, std::string body);
  static ServerResponse text(int status, std::string body,
                             std::string content_type = "text/plain; charset=utf-8");
};

// The one answer to one request. Movable, thread-safe, usable after the handler returned.
// Destroying it unanswered answers 500, or ends a stream.
class ResponseWriter {
 public:
  class Impl;
  explicit ResponseWriter(std::shared_ptr<Impl> impl);
  ResponseWriter(ResponseWriter&&) noexcept;
  ResponseWriter& operator=(ResponseWriter&&) noexcept;
  ~ResponseWriter();

  // A header of the answer, whatever makes it: instead of one that it has of that name (lower
  // case).
  void set_header(std::string name, std::string value);

  void respond(ServerResponse response);

  // Streaming: begin once, then write; chunked transfer. write is false when the peer is gone or
  // more than kStreamBufferBytesMax wait unsent (a reader too slow to keep): then the stream is
  // cut, so that the peer sees that it is not whole.
  void begin_stream(int status, Headers headers);
  bool write(std::string bytes);
  void end();
  bool is_open() const;
  // Called once, on an event loop, when the peer closes before the answer ended (or the server
  // stops); must not block. Set after that moment, it is still called. A peer that only closes its
  // sending side counts as gone.
  void on_close(std::function<void()> callback);

 private:
  std::shared_ptr<Impl> impl_;
};

inline constexpr size_t kStreamBufferBytesMax = 1u << 20;

using Handler = std::function<void(ServerRequest, ResponseWriter)>;
// On a loop, with every request: true when its handler will not block.
using QuickCheck = std::function<bool(const ServerRequest&)>;

struct ServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 0;  // 0: any free port
  size_t loops = 1;
  // Loops to use in place of own ones; they run already, outlive the server and stop after it.
  std::vector<EventLoop*> shared_loops = {};
  QuickCheck is_quick = {};        // none: every handler runs on a worker
  size_t workers = 16;             // handlers that may block at once
  size_t worker_queue_max = 1024;  // then 503
  size_t connections_max = 4096;
  size_t body_bytes_max = limits::kRequestBodyBytesMax;
  size_t header_bytes_max = limits::kHeaderBytesMax;
  Duration idle_max = std::chrono::seconds(75);         // between requests
  Duration request_max = std::chrono::seconds(30);      // to receive one request
  Duration write_stall_max = std::chrono::seconds(60);  // without one byte taken by the peer
  // The body of errors the server itself produces (malformed 400, too slow 408, too large 413 and
  // 431, overloaded 503, a handler that never answered 500); the server sets the status.
  // The path is empty where none was read. Thread-safe. None: plain text.
  std::function<ServerResponse(const Error&, const std::string& path)> error_response;
};

class Server {
 public:
  virtual ~Server() = default;  // stops; blocks, so never on one of its loops
  // Binds and starts serving. invalid_argument (address), already_exists (port in use, named),
  // io_failed.
  static Result<std::unique_ptr<Server>> create(const ServerOptions& options, Handler handler);
  virtual uint16_t port() const = 0;
  // Stops accepting, waits for open answers up to `span`, then closes everything. Blocks:
  // never on one of its loops either.
  virtual void drain(Duration span) = 0;
};

}  // namespace plinth::http
