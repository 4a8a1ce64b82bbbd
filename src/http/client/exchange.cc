// SPDX-License-Identifier: Apache-2.0
// The phases of one call: connect, send, first byte, the rest.
#include "http/client/exchange.h"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/error.hpp>

#include "base/text.h"
#include "base/units.h"
#include "http/client/resolve.h"
#include "http/detail/fields.h"

namespace plinth::http {
namespace {

namespace net = boost::asio;
using net::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr Duration kPollSpan =
    std::chrono::milliseconds(20);             // how late a cancellation may be seen
constexpr size_t kWriteBytesMax = 256u << 10;  // between two looks at the clock

Clock::time_point after(Duration span) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(span);
}

}  // namespace

Result<std::string> encode_request(const ClientRequest& request, const Url& url,
                                   Persistence persistence) {
  if (!is_token(request.method)) {
    return make_error(ErrorCode::invalid_argument,
                      "'" + shorten(request.method, 32) + "' is not an HTTP method");
  }
  const bool is_default_port = url.port == (url.scheme == "https" ? 443 : 80);
  std::string host = url.origin();
  if (is_default_port) host.erase(host.rfind(':'));
  std::string out = request.method + " " + url.target + " HTTP/1.1\r\nhost: " + host + "\r\n";
  bool has_agent = false;
  for (const auto& [name, value] : request.headers) {
    const std::string lower = lower_ascii(name);
    if (!is_token(name) || !is_field_value(value)) {
      return make_error(ErrorCode::invalid_argument,
                        "the header field '" + shorten(name, 64) + "' holds a control character");
    }
    if (lower == "host" || lower == "content-length" || lower == "transfer-encoding" ||
        lower == "connection" || lower == "expect") {
      return make_error(ErrorCode::invalid_argument,
                        "the header field '" + lower + "' is set by the client itself");
    }
    has_agent = has_agent || lower == "user-agent";
    out += lower + ": " + value + "\r\n";
  }
  if (!has_agent) out += "user-agent: plinth\r\n";
  const bool has_body_by_method =
      request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (has_body_by_method || !request.body.empty()) {
    out += "content-length: " + std::to_string(request.body.size()) + "\r\n";
  }
  if (persistence == Persistence::close) out += "connection: close\r\n";
  out += "\r\n";
  return out;
}

Result<ClientResponse> Exchange::run(const std::function<bool(std::string_view)>* on_bytes) {
  const std::string head = TRY(encode_request(request_, url_, Persistence::close));
  TRY(connect());
  Status written = write_all(head);
  if (written.is_ok()) written = write_all(request_.body);
  const bool is_given_up = written.is_error() && written.error().code != ErrorCode::unavailable;
  if (is_given_up) return std::move(written).error();
  // A server may answer and close before it has read the whole request, so a failed write is not
  // the end.
  ResponseReader reader(request_.method == "HEAD");
  const Status read = read_head(reader);
  if (read.is_error()) return written.is_error() ? written.error() : read.error();
  return read_body(reader, on_bytes);
}

Status Exchange::connect() {
  const TimePoint until = after(request_.connect_max);
  const Endpoints endpoints = TRY(resolve(url_.host, url_.port, until, cancellation_));
  Status connected = make_error(ErrorCode::denied,
                                "no address of " + url_.host + " may be connected to from here");
  for (const tcp::endpoint& endpoint : endpoints) {
    if (request_.may_connect && !request_.may_connect(endpoint.address().to_string())) continue;
    connected = connect_to(endpoint, until);
    if (connected.is_ok() || connected.error().code != ErrorCode::unavailable) break;
  }
  TRY(std::move(connected));
  if (tls_ == nullptr) return ok();
  TRY(perform([this](Wire::Done done) { wire_->handshake(std::move(done)); }, until,
              "the TLS handshake"));
  if (!error_) return ok();
  return handshake_error(error_, url_.origin());
}

Status Exchange::connect_to(const tcp::endpoint& endpoint, TimePoint until) {
  if (tls_ == nullptr) {
    wire_ = make_plain_wire(context_);
  } else {
    wire_ = TRY(make_tls_wire(context_, *tls_, url_.host));
  }
  tcp::socket& socket = wire_->socket();
  TRY(perform(
      [&](Wire::Done done) {
        socket.async_connect(
            endpoint, [done = std::move(done)](const Wire::SystemError& error) { done(error, 0); });
      },
      until, "connecting"));
  if (error_) {
    return make_error(ErrorCode::unavailable,
                      "cannot connect to " + url_.origin() + ": " + error_.message());
  }
  Wire::SystemError ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  return ok();
}

Status Exchange::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kWriteBytesMax);
    TRY(perform(
        [&](Wire::Done done) {
          wire_->write_some(net::buffer(piece.data(), piece.size()), std::move(done));
        },
        after(request_.between_bytes_max), "sending the request"));
    if (error_) {
      return make_error(ErrorCode::unavailable,
                        "sending to " + url_.origin() + " failed: " + error_.message());
    }
    bytes.remove_prefix(bytes_);
  }
  return ok();
}

Status Exchange::read_some(ResponseReader& reader, TimePoint until, const char* phase) {
  TRY(perform([this](Wire::Done done) { wire_->read_some(net::buffer(buffer_), std::move(done)); },
              until, phase));
  if (error_ == net::error::eof) return reader.end();
  if (error_) {
    return make_error(ErrorCode::upstream_failed,
                      "reading from " + url_.origin() + " failed: " + error_.message());
  }
  return reader.feed(std::string_view(buffer_.data(), bytes_));
}

Status Exchange::read_head(ResponseReader& reader) {
  TimePoint until = after(request_.first_byte_max);
  const char* phase = "waiting for the first byte";
  while (!reader.is_head_read()) {
    TRY(read_some(reader, until, phase));
    until = after(request_.between_bytes_max);
    phase = "waiting for more bytes";
  }
  return ok();
}

Result<ClientResponse> Exchange::read_body(ResponseReader& reader,
                                           const std::function<bool(std::string_view)>* on_bytes) {
  const bool is_streamed = on_bytes != nullptr && reader.status() / 100 == 2;
  const Error too_large =
      make_error(ErrorCode::too_large, "the answer of " + url_.origin() + " is larger than " +
                                           format_bytes(request_.body_bytes_max));
  if (!is_streamed && reader.content_length().value_or(0) > request_.body_bytes_max &&
      !reader.is_complete()) {
    return too_large;
  }
  ClientResponse response = reader.take_head();
  for (;;) {
    const std::string bytes = reader.take_body();
    if (is_streamed) {
      if (!bytes.empty() && !(*on_bytes)(bytes)) return response;
    } else {
      if (response.body.size() + bytes.size() > request_.body_bytes_max) return too_large;
      response.body += bytes;
    }
    if (reader.is_complete()) return response;
    TRY(read_some(reader, after(request_.between_bytes_max), "waiting for more bytes"));
  }
}

Status Exchange::perform(const std::function<void(Wire::Done)>& begin, TimePoint until,
                         const char* phase) {
  is_done_ = false;
  begin([this](Wire::SystemError error, size_t bytes) {
    error_ = error;
    bytes_ = bytes;
    is_done_ = true;
  });
  while (!is_done_) {
    const auto left = std::chrono::duration_cast<Duration>(until - Clock::now());
    const bool is_cancelled = cancellation_.is_cancelled();
    if (is_cancelled || left <= Duration::zero()) {
      // The operation dies with the context; nothing is sent or read from here on.
      if (is_cancelled) return make_error(ErrorCode::cancelled, "the call was cancelled");
      return make_error(ErrorCode::deadline_exceeded,
                        std::string(phase) + " took too long at " + url_.origin());
    }
    context_.restart();
    context_.run_one_for(std::min(left, kPollSpan));
  }
  if (cancellation_.is_cancelled()) {
    return make_error(ErrorCode::cancelled, "the call was cancelled");
  }
  return ok();
}

}  // namespace plinth::http
