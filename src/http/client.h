// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 client: one call, whole or streamed, with a time for each phase. TLS by the https
// scheme, verified against the system's certificates. send and stream block and belong on worker
// threads; start holds no thread and keeps connections for the next call.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/loop.h"
#include "http/server.h"

namespace plinth::http {

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // http://host[:port]/path?query or https://
  Headers headers;
  std::string body;
  Duration connect_max = std::chrono::seconds(5);  // name lookup, TCP and TLS together
  Duration first_byte_max = std::chrono::seconds(60);
  Duration between_bytes_max = std::chrono::seconds(60);
  // Of an answer returned whole; a streamed one is its reader's to stop.
  size_t body_bytes_max = 8u << 20;
  // A POST whose repetition does no harm: it may be sent again when a kept connection turns out
  // closed before any answer. GET, HEAD, PUT, DELETE and OPTIONS always may.
  bool may_repeat = false;
  // Asked with each address that the host's name led to, before it is connected to; empty: any
  // address may be used. The name is looked up once, so what was asked about is what is connected
  // to. When every address is refused: denied.
  std::function<bool(const std::string& address)> may_connect = {};
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
  std::optional<std::string> header(std::string_view lower_case_name) const;
};

// What becomes of a call that was started: called in order on one event loop, never from within
// start, and must not block. on_end comes last and exactly once. The exception is a call started
// while the client is being destroyed: its on_end may come from within start, on that thread.
struct CallHandlers {
  // The body of status 200..299 as it arrives; false stops reading. Empty: every body is returned
  // whole. The view is valid during the call only.
  std::function<bool(std::string_view)> on_bytes = {};
  std::function<void(Result<ClientResponse>)> on_end;
};

// A call under way. Destroying it changes nothing: the call goes on.
class ClientCall {
 public:
  virtual ~ClientCall() = default;
  // The call ends soon, with cancelled unless it had ended, and its connection is closed.
  // Thread-safe.
  virtual void cancel() = 0;
  // Reads no more until resumed, so that the peer feels a slow reader; the times between bytes
  // stand still. Bytes under way may still come. Thread-safe.
  virtual void pause() = 0;
  virtual void resume() = 0;
};

// Bounds of started calls; on each loop of the client.
inline constexpr size_t kCallsMax = 16384;  // under way; then overloaded
inline constexpr size_t kIdleConnectionsPerOriginMax = 64;
inline constexpr size_t kIdleConnectionsMax = 512;
inline constexpr Duration kIdleConnectionMax = std::chrono::seconds(30);

class Client {
 public:
  // Started calls end with cancelled. Blocks until each was told, except on one of its loops, where
  // a call refused just before may be told afterwards.
  virtual ~Client() = default;
  // Follows no redirects and opens one connection a call. Cancellation is seen within 20 ms.
  // Thread-safe. Errors: invalid_argument (url), unavailable (resolve, connect), deadline_exceeded
  // (which phase), cancelled, too_large, upstream_failed (the peer broke the protocol). A status of
  // 400 or more is not an error here.
  virtual Result<ClientResponse> send(const ClientRequest& request,
                                      const Cancellation& cancellation) = 0;
  // Streams a body of status 200..299 into on_bytes as it arrives (false stops reading); other
  // answers are returned whole. The returned response has an empty body when it was streamed.
  virtual Result<ClientResponse> stream(const ClientRequest& request,
                                        const std::function<bool(std::string_view)>& on_bytes,
                                        const Cancellation& cancellation) = 0;
  // The same without blocking, over connections that are kept while idle. When the peer turns out
  // to have closed a kept connection, before any byte of an answer, the request is sent once more
  // over a new one if nothing of it was sent before or its repetition does no harm (may_repeat);
  // else the call ends with unavailable, and the peer may have acted on it. Called on one of the
  // client's loops, the call runs there. Errors as above, and overloaded.
  virtual std::shared_ptr<ClientCall> start(ClientRequest request, CallHandlers handlers) = 0;
};

struct ClientOptions {
  // Where started calls run; they outlive the client and run already. Empty: a loop of its own.
  std::vector<EventLoop*> loops = {};
};

std::unique_ptr<Client> create_client(ClientOptions options = {});

struct Url {
  std::string scheme;  // "http" | "https"
  std::string host;    // lower case; an IPv6 address without its brackets
  uint16_t port = 0;
  std::string target;          // "/path?query", never with a fragment
  std::string origin() const;  // "host:port", "[::1]:port"
};
// invalid_argument for another scheme, user names or passwords, a missing host.
Result<Url> parse_url(std::string_view text);

}  // namespace plinth::http
