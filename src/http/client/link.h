// SPDX-License-Identifier: Apache-2.0
// A connection that outlives its calls. While it is open it listens, so that a peer that closes an
// idle one is seen at once. Lives on one event loop.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/client/wire.h"

namespace plinth::http {

class Link final : public std::enable_shared_from_this<Link> {
 public:
  // Who speaks over it now.
  class User {
   public:
    virtual ~User() = default;
    virtual void on_link_bytes(std::string_view bytes) = 0;
    // The peer closed (eof) or the connection broke; the link is closed already.
    virtual void on_link_end(const Wire::SystemError& error) = 0;
  };
  // Whoever keeps it while nobody speaks.
  class Keeper {
   public:
    virtual ~Keeper() = default;
    virtual void on_idle_link_end(Link& link) = 0;
  };

  // `scratch` is shared by the links of a loop. The keeper outlives the link's last idle time.
  Link(std::unique_ptr<Wire> wire, boost::asio::mutable_buffer scratch)
      : wire_(std::move(wire)), scratch_(scratch) {}
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  Wire& wire() { return *wire_; }
  // Begins to listen, once connected. Bytes of an answer come to the user.
  void lend(User& user);
  // Nobody speaks; any byte or the end closes it and tells the keeper.
  void rest(Keeper& keeper);
  // The user reads no more for now.
  void pause() { is_paused_ = true; }
  void resume();
  void close();  // tells nobody
  bool is_open() const { return is_open_; }
  bool was_used() const { return uses_ > 1; }
  // No byte waits and the peer has not closed. Of an idle one this is known before its listener is
  // told, which is a turn of the loop later.
  bool is_quiet() const;

 private:
  void listen();
  void on_received(const Wire::SystemError& error, std::string_view bytes);

  const std::unique_ptr<Wire> wire_;
  const boost::asio::mutable_buffer scratch_;
  User* user_ = nullptr;
  Keeper* keeper_ = nullptr;
  size_t uses_ = 0;
  bool is_open_ = true;
  bool is_listening_ = false;
  bool is_paused_ = false;
};

}  // namespace plinth::http
