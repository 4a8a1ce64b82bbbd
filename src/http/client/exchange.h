// SPDX-License-Identifier: Apache-2.0
// One request and its answer over one connection, on the caller's thread, each phase with its time.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "http/client.h"
#include "http/client/response_reader.h"
#include "http/client/wire.h"

namespace plinth::http {

enum class Persistence : uint8_t { close, keep };  // of the connection, after the answer

// The bytes of a request's head. Refuses what would not stay inside its header field.
Result<std::string> encode_request(const ClientRequest& request, const Url& url,
                                   Persistence persistence);

class Exchange {
 public:
  // `tls` is set for https and outlives the exchange.
  Exchange(const ClientRequest& request, Url url, boost::asio::ssl::context* tls,
           const Cancellation& cancellation)
      : request_(request), url_(std::move(url)), tls_(tls), cancellation_(cancellation) {}

  // on_bytes is null when the body is to be returned whole.
  Result<ClientResponse> run(const std::function<bool(std::string_view)>* on_bytes);

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  Status connect();
  Status connect_to(const boost::asio::ip::tcp::endpoint& endpoint, TimePoint until);
  Status write_all(std::string_view bytes);
  Status read_head(ResponseReader& reader);
  Result<ClientResponse> read_body(ResponseReader& reader,
                                   const std::function<bool(std::string_view)>* on_bytes);
  Status read_some(ResponseReader& reader, TimePoint until, const char* phase);

  // Begins an operation and runs it to its end; leaves its outcome in error_ and bytes_.
  Status perform(const std::function<void(Wire::Done)>& begin, TimePoint until, const char* phase);

  const ClientRequest& request_;
  const Url url_;
  boost::asio::ssl::context* const tls_;
  const Cancellation& cancellation_;
  // Operations left unfinished end with the context, so what they point to is a member above it in
  // time.
  Wire::SystemError error_;
  size_t bytes_ = 0;
  bool is_done_ = false;
  std::array<char, 16u << 10> buffer_;
  boost::asio::io_context context_{1};
  std::unique_ptr<Wire> wire_;
};

}  // namespace plinth::http
