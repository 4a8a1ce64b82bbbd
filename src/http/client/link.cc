// SPDX-License-Identifier: Apache-2.0
#include "http/client/link.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace plinth::http {

void Link::lend(User& user) {
  user_ = &user;
  keeper_ = nullptr;
  ++uses_;
  listen();
}

void Link::rest(Keeper& keeper) {
  user_ = nullptr;
  keeper_ = &keeper;
  is_paused_ = false;
  listen();
}

void Link::resume() {
  is_paused_ = false;
  listen();
}

void Link::close() {
  if (!is_open_) return;
  is_open_ = false;
  user_ = nullptr;
  keeper_ = nullptr;
  Wire::SystemError ignored;
  wire_->socket().close(ignored);
}

bool Link::is_quiet() const {
  if (!is_open_) return false;
  char byte = 0;
  const auto socket = wire_->socket().native_handle();
  return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

void Link::listen() {
  if (!is_open_ || is_listening_ || is_paused_) return;
  is_listening_ = true;
  wire_->receive(scratch_, [self = shared_from_this()](const Wire::SystemError& error,
                                                       std::string_view bytes) {
    self->is_listening_ = false;
    self->on_received(error, bytes);
  });
}

void Link::on_received(const Wire::SystemError& error, std::string_view bytes) {
  if (!is_open_) return;
  if (error) {
    User* const user = user_;
    Keeper* const keeper = keeper_;
    close();
    if (user != nullptr) return user->on_link_end(error);
    if (keeper != nullptr) keeper->on_idle_link_end(*this);
    return;
  }
  if (user_ != nullptr) {
    if (!bytes.empty()) user_->on_link_bytes(bytes);
  } else if (!bytes.empty()) {
    // Nobody asked for anything: what comes now would be taken for the next answer.
    Keeper* const keeper = keeper_;
    close();
    if (keeper != nullptr) keeper->on_idle_link_end(*this);
    return;
  }
  listen();
}

}  // namespace plinth::http
