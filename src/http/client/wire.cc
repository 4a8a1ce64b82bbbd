// SPDX-License-Identifier: Apache-2.0
// Plain and TLS connections of the client.
#include "http/client/wire.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>

namespace plinth::http {
namespace {

namespace net = boost::asio;
using net::ip::tcp;

class PlainWire final : public Wire {
 public:
  explicit PlainWire(net::io_context& context) : socket_(context) {}
  tcp::socket& socket() override { return socket_; }
  void handshake(Done done) override {
    net::post(socket_.get_executor(), [done = std::move(done)] { done({}, 0); });
  }
  void write_some(net::const_buffer bytes, Done done) override {
    socket_.async_write_some(bytes, std::move(done));
  }
  void read_some(net::mutable_buffer bytes, Done done) override {
    socket_.async_read_some(bytes, std::move(done));
  }

 private:
  tcp::socket socket_;
};

class TlsWire final : public Wire {
 public:
  TlsWire(net::io_context& context, net::ssl::context& tls) : stream_(context, tls) {}

  Status name_peer(const std::string& host) {
    SystemError error;
    stream_.set_verify_callback(net::ssl::host_name_verification(host), error);
    if (error) return make_error(ErrorCode::internal, "TLS set-up failed: " + error.message());
    // SNI carries names only, not addresses (RFC 6066, section 3).
    net::ip::make_address(host, error);
    if (error && SSL_set_tlsext_host_name(stream_.native_handle(), host.c_str()) != 1) {
      return make_error(ErrorCode::invalid_argument, "'" + host + "' cannot be a TLS server name");
    }
    return ok();
  }

  tcp::socket& socket() override { return stream_.next_layer(); }
  void handshake(Done done) override {
    stream_.async_handshake(net::ssl::stream_base::client,
                            [done = std::move(done)](SystemError error) { done(error, 0); });
  }
  void write_some(net::const_buffer bytes, Done done) override {
    stream_.async_write_some(bytes, std::move(done));
  }
  void read_some(net::mutable_buffer bytes, Done done) override {
    stream_.async_read_some(bytes, std::move(done));
  }

 private:
  net::ssl::stream<tcp::socket> stream_;
};

}  // namespace

std::unique_ptr<Wire> make_plain_wire(net::io_context& context) {
  return std::make_unique<PlainWire>(context);
}

Result<std::unique_ptr<Wire>> make_tls_wire(net::io_context& context, net::ssl::context& tls,
                                            const std::string& host) {
  auto wire = std::make_unique<TlsWire>(context, tls);
  TRY(wire->name_peer(host));
  return std::unique_ptr<Wire>(std::move(wire));
}

Result<std::unique_ptr<net::ssl::context>> make_tls_context() {
  auto context = std::make_unique<net::ssl::context>(net::ssl::context::tls_client);
  boost::system::error_code error;
  context->set_verify_mode(net::ssl::verify_peer, error);
  if (!error) context->set_default_verify_paths(error);
  if (error || SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION) != 1) {
    return make_error(ErrorCode::internal, "TLS set-up failed: " + error.message());
  }
  return context;
}

}  // namespace plinth::http
