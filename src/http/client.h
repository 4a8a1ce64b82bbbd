// SPDX-License-Identifier: Apache-2.0
// The HTTP/1.1 client: one call, whole or streamed, with a time for each phase. TLS by the https
// scheme, verified against the system's certificates. Blocks; belongs on worker threads.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/deadline.h"
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

class Client {
 public:
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
};

std::unique_ptr<Client> create_client();

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
