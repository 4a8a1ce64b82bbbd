// SPDX-License-Identifier: Apache-2.0
// A connection to a server, plain or under TLS. One operation at a time.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace plinth::http {

class Wire {
 public:
  using SystemError = boost::system::error_code;
  using Done = std::function<void(SystemError, size_t)>;

  virtual ~Wire() = default;
  virtual boost::asio::ip::tcp::socket& socket() = 0;
  virtual void handshake(Done done) = 0;
  virtual void write_some(boost::asio::const_buffer bytes, Done done) = 0;
  virtual void read_some(boost::asio::mutable_buffer bytes, Done done) = 0;
};

std::unique_ptr<Wire> make_plain_wire(boost::asio::io_context& context);
// Checks the certificate for this host name, and sends the name (SNI).
Result<std::unique_ptr<Wire>> make_tls_wire(boost::asio::io_context& context,
                                            boost::asio::ssl::context& tls,
                                            const std::string& host);

// TLS 1.2 or newer, with the certificates the system trusts (SSL_CERT_FILE and SSL_CERT_DIR are
// honoured).
Result<std::unique_ptr<boost::asio::ssl::context>> make_tls_context();

}  // namespace plinth::http
