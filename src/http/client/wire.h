// SPDX-License-Identifier: Apache-2.0
// A connection to a server, plain or under TLS. One operation at a time; one that reads and one
// that writes may run together.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace plinth::http {

class Wire {
 public:
  using SystemError = boost::system::error_code;
  using Done = std::function<void(SystemError, size_t)>;
  using Received = std::function<void(SystemError, std::string_view)>;

  virtual ~Wire() = default;
  virtual boost::asio::ip::tcp::socket& socket() = 0;
  virtual void handshake(Done done) = 0;
  virtual void write_some(boost::asio::const_buffer bytes, Done done) = 0;
  virtual void read_some(boost::asio::mutable_buffer bytes, Done done) = 0;
  // Waits for bytes without holding memory for them where that can be: they are read into `scratch`
  // or a buffer of the wire's own, and stay there until the callback returns. A sudden wake-up
  // brings none.
  virtual void receive(boost::asio::mutable_buffer scratch, Received received) = 0;
  // Takes what can be sent at once without waiting; 0 when nothing can.
  virtual size_t write_now(boost::asio::const_buffer bytes, SystemError& error) = 0;
};

std::unique_ptr<Wire> make_plain_wire(boost::asio::io_context& context);
// Checks the certificate for this host name, and sends the name (SNI).
Result<std::unique_ptr<Wire>> make_tls_wire(boost::asio::io_context& context,
                                            boost::asio::ssl::context& tls,
                                            const std::string& host);

// The peer ended or reset the connection; not a fault of TLS, not a time that passed.
bool is_closed_by_peer(const Wire::SystemError& error);

// upstream_failed, with the cause in words of ours where the certificate is at fault.
Error handshake_error(const Wire::SystemError& error, const std::string& origin);

// TLS 1.2 or newer, with the certificates the system trusts (SSL_CERT_FILE and SSL_CERT_DIR are
// honoured).
Result<std::unique_ptr<boost::asio::ssl::context>> make_tls_context();

}  // namespace plinth::http
