// SPDX-License-Identifier: Apache-2.0
// Plain and TLS connections of the client.
#include "http/client/wire.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>

namespace plinth::http {
namespace {

namespace net = boost::asio;
using net::ip::tcp;

constexpr size_t kTlsReadBytes = 16u << 10;

bool is_interruption(const boost::system::error_code& error) {
  return error == net::error::would_block || error == net::error::interrupted;
}

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
  void receive(net::mutable_buffer scratch, Received received) override {
    socket_.async_wait(tcp::socket::wait_read,
                       [this, scratch, received = std::move(received)](SystemError error) {
                         if (error) return received(error, {});
                         const size_t bytes = socket_.read_some(scratch, error);
                         if (is_interruption(error)) error.clear();
                         received(error, {static_cast<const char*>(scratch.data()), bytes});
                       });
  }
  size_t write_now(net::const_buffer bytes, SystemError& error) override {
    const size_t written = socket_.write_some(bytes, error);
    if (is_interruption(error)) error.clear();
    return written;
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
  void receive(net::mutable_buffer, Received received) override {
    if (buffer_.empty()) buffer_.resize(kTlsReadBytes);
    stream_.async_read_some(net::buffer(buffer_), [this, received = std::move(received)](
                                                      SystemError error, size_t bytes) {
      received(error, {buffer_.data(), bytes});
    });
  }
  size_t write_now(net::const_buffer, SystemError&) override { return 0; }

 private:
  net::ssl::stream<tcp::socket> stream_;
  std::string buffer_;
};

// OpenSSL's text for a failed certificate check, in place of "certificate verify failed" alone.
bool is_certificate_fault(const boost::system::error_code& error) {
  return error.category() == net::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(error.value())) ==
             SSL_R_CERTIFICATE_VERIFY_FAILED;
}

}  // namespace

// A truncated stream is how a connection under TLS ends whose peer sent no close_notify.
bool is_closed_by_peer(const Wire::SystemError& error) {
  return error == net::error::eof || error == net::error::connection_reset ||
         error == net::error::broken_pipe || error == net::ssl::error::stream_truncated;
}

Error handshake_error(const Wire::SystemError& error, const std::string& origin) {
  return make_error(ErrorCode::upstream_failed,
                    is_certificate_fault(error)
                        ? "the certificate of " + origin +
                              " is not trusted for this name; check the URL and the system's "
                              "certificates"
                        : "the TLS handshake with " + origin + " failed: " + error.message());
}

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
