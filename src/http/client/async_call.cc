// SPDX-License-Identifier: Apache-2.0
// Life of a started call: begin -> [connecting] -> sending -> reading -> [draining] -> ended.
// Handlers that outlive the call find another phase and do nothing.
#include "http/client/async_call.h"

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>

#include "base/units.h"
#include "http/client/exchange.h"

namespace plinth::http {
namespace {

namespace net = boost::asio;
using net::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr size_t kBodyBesideHeadMax = 64u << 10;  // sent with the head in one write
constexpr size_t kDrainBytesMax = 64u << 10;
constexpr Duration kDrainMax = std::chrono::seconds(1);

Error cancelled() { return make_error(ErrorCode::cancelled, "the call was cancelled"); }

// Sent twice they do what they do once (RFC 9110, section 9.2.2).
bool is_idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 5> kMethods = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
  return std::ranges::find(kMethods, method) != kMethods.end();
}

}  // namespace

void AsyncCall::start() {
  if (EventLoop::current() == &lane_->loop()) return begin();
  if (lane_->post([self = shared_from_this()] { self->begin(); })) return;
  tell(cancelled());  // the client is being closed
}

void AsyncCall::cancel() {
  lane_->post([self = shared_from_this()] { self->abort(); });
}

void AsyncCall::pause() {
  lane_->post([self = shared_from_this()] {
    self->is_paused_ = true;
    if (self->link_) self->link_->pause();
  });
}

void AsyncCall::resume() {
  lane_->post([self = shared_from_this()] {
    if (!self->is_paused_) return;
    self->is_paused_ = false;
    if (self->phase_ == Phase::reading) self->expect_bytes();
    if (self->link_) self->link_->resume();
  });
}

void AsyncCall::abort() {
  if (phase_ == Phase::ended) return;
  fail(cancelled());
}

Status AsyncCall::prepare() {
  url_ = TRY(parse_url(request_.url));
  if (url_.scheme == "https") tls_ = TRY(lane_->tls().context());
  origin_ = url_.scheme + "://" + url_.origin();
  // Who may be connected to is asked anew for each of such calls, so their connections are not
  // kept.
  head_ = TRY(encode_request(request_, url_,
                             request_.may_connect ? Persistence::close : Persistence::keep));
  is_body_apart_ = request_.body.size() > kBodyBesideHeadMax;
  if (!is_body_apart_) head_ += request_.body;
  return lane_->add(shared_from_this());
}

void AsyncCall::begin() {
  if (Status prepared = prepare(); prepared.is_error()) {
    phase_ = Phase::ended;
    // Of a closed lane nobody waits for what is posted.
    if (lane_->is_closed()) return tell(std::move(prepared).error());
    // Not from within start.
    net::post(
        lane_->loop().context(),
        [self = shared_from_this(), error = std::move(prepared).error()] { self->tell(error); });
    return;
  }
  if (!request_.may_connect) {
    if (auto link = lane_->take(origin_)) return send_over(std::move(link));
  }
  connect();
}

void AsyncCall::connect() {
  phase_ = Phase::connecting;
  expect(request_.connect_max, "connecting");
  // What fails at once is told from the loop, not from within start.
  net::post(lane_->loop().context(), [self = shared_from_this()] {
    if (self->phase_ != Phase::connecting) return;
    self->lane_->look_up(
        self->url_.host, self->url_.port,
        // A lookup may hang for long: it does not hold the calls that ended meanwhile.
        [weak = self->weak_from_this()](const Result<Endpoints>& endpoints) {
          if (const auto call = weak.lock()) call->on_addresses(endpoints);
        });
  });
}

void AsyncCall::on_addresses(const Result<Endpoints>& endpoints) {
  if (phase_ != Phase::connecting) return;
  if (endpoints.is_error()) return fail(endpoints.error());
  endpoints_ = *endpoints;
  connect_next();
}

void AsyncCall::connect_next() {
  while (next_endpoint_ < endpoints_.size() && request_.may_connect &&
         !request_.may_connect(endpoints_[next_endpoint_].address().to_string())) {
    ++next_endpoint_;
  }
  if (next_endpoint_ >= endpoints_.size()) {
    if (connect_error_) {
      return fail(make_error(ErrorCode::unavailable, "cannot connect to " + url_.origin() + ": " +
                                                         connect_error_.message()));
    }
    return fail(make_error(ErrorCode::denied,
                           "no address of " + url_.host + " may be connected to from here"));
  }
  const tcp::endpoint endpoint = endpoints_[next_endpoint_++];
  if (tls_ == nullptr) {
    wire_ = make_plain_wire(lane_->loop().context());
  } else {
    auto wire = make_tls_wire(lane_->loop().context(), *tls_, url_.host);
    if (wire.is_error()) return fail(std::move(wire).error());
    wire_ = *std::move(wire);
  }
  wire_->socket().async_connect(
      endpoint,
      [self = shared_from_this()](const Wire::SystemError& error) { self->on_connected(error); });
}

void AsyncCall::on_connected(const Wire::SystemError& error) {
  if (phase_ != Phase::connecting) return;
  if (error) {
    connect_error_ = error;
    return connect_next();
  }
  Wire::SystemError ignored;
  wire_->socket().set_option(tcp::no_delay(true), ignored);
  wire_->socket().non_blocking(true, ignored);
  if (tls_ != nullptr) return handshake();
  send_over(std::make_shared<Link>(std::move(wire_), lane_->scratch()));
}

void AsyncCall::handshake() {
  step_ = "the TLS handshake";
  wire_->handshake([self = shared_from_this()](const Wire::SystemError& error, size_t) {
    if (self->phase_ != Phase::connecting) return;
    if (error) return self->fail(handshake_error(error, self->url_.origin()));
    self->send_over(std::make_shared<Link>(std::move(self->wire_), self->lane_->scratch()));
  });
}

void AsyncCall::send_over(std::shared_ptr<Link> link) {
  phase_ = Phase::sending;
  link_ = std::move(link);
  written_ = 0;
  is_begun_ = false;
  is_sent_ = false;
  reader_.emplace(request_.method == "HEAD");
  link_->lend(*this);
  was_kept_ = link_->was_used();
  if (is_paused_) link_->pause();
  expect(request_.between_bytes_max, "sending the request");
  write_rest();
}

// A link has one writer, and this call writes until it is sent or the link is closed.
void AsyncCall::write_rest() {
  while (phase_ == Phase::sending) {
    const bool is_head = written_ < head_.size();
    const std::string& piece = is_head ? head_ : request_.body;
    const size_t offset = is_head ? written_ : written_ - head_.size();
    if (!is_head && (!is_body_apart_ || offset >= piece.size())) return on_sent();
    const net::const_buffer rest(piece.data() + offset, piece.size() - offset);
    Wire::SystemError error;
    const size_t bytes = link_->wire().write_now(rest, error);
    if (error) return on_write_failed(error);
    is_begun_ = true;
    written_ += bytes;
    if (bytes > 0) continue;
    link_->wire().write_some(rest, [self = shared_from_this(), link = link_](
                                       const Wire::SystemError& failure, size_t sent) {
      if (self->link_ != link || self->phase_ != Phase::sending) return;
      if (failure) return self->on_write_failed(failure);
      self->written_ += sent;
      self->expect(self->request_.between_bytes_max, "sending the request");
      self->write_rest();
    });
    return;
  }
}

// A server may answer and close before it has read the whole request, so a failed write is not the
// end: reading will tell.
void AsyncCall::on_write_failed(const Wire::SystemError& error) {
  write_error_ = make_error(ErrorCode::unavailable,
                            "sending to " + url_.origin() + " failed: " + error.message());
  on_sent();
}

void AsyncCall::on_sent() {
  phase_ = Phase::reading;
  is_sent_ = !write_error_;
  expect_bytes();
}

void AsyncCall::expect_bytes() {
  if (is_answered_) return expect(request_.between_bytes_max, "waiting for more bytes");
  expect(request_.first_byte_max, "waiting for the first byte");
}

void AsyncCall::on_link_bytes(std::string_view bytes) {
  const auto alive = shared_from_this();
  if (phase_ == Phase::draining) {
    drained_bytes_ += bytes.size();
  } else {
    is_answered_ = true;
    if (phase_ == Phase::reading) expect_bytes();
  }
  const Status fed = reader_->feed(bytes);
  if (fed.is_error()) return fail(fed.error());
  take_answer();
}

void AsyncCall::on_link_end(const Wire::SystemError& error) {
  const auto alive = shared_from_this();
  link_.reset();
  if (phase_ == Phase::draining) return leave();
  if (was_kept_ && !is_answered_ && is_closed_by_peer(error)) return send_again(error);
  if (write_error_ && !is_answered_) return fail(*write_error_);
  if (error != net::error::eof) {
    return fail(make_error(ErrorCode::upstream_failed,
                           "reading from " + url_.origin() + " failed: " + error.message()));
  }
  const Status ended = reader_->end();
  if (ended.is_error()) return fail(write_error_ ? *write_error_ : ended.error());
  take_answer();
}

// Most often the peer had closed the kept connection before it saw this request, but it may as well
// have acted on it. The new connection is not a kept one, so this happens once.
void AsyncCall::send_again(const Wire::SystemError& error) {
  if (is_begun_ && !request_.may_repeat && !is_idempotent(request_.method)) {
    return fail(make_error(ErrorCode::unavailable,
                           "the kept connection to " + url_.origin() +
                               " was closed before any answer (" + error.message() + "); the " +
                               request_.method +
                               " is not sent again, because the server may have acted on it"));
  }
  write_error_.reset();
  connect();
}

void AsyncCall::take_answer() {
  if (!reader_->is_head_read()) return;
  if (!has_head_) take_head();
  if (phase_ == Phase::ended) return;
  const std::string bytes = reader_->take_body();
  if (phase_ == Phase::draining) {
    if (drained_bytes_ > kDrainBytesMax) return leave();
  } else if (is_streamed_) {
    if (!bytes.empty() && !handlers_.on_bytes(bytes)) drain();
  } else if (response_.body.size() + bytes.size() > request_.body_bytes_max) {
    return fail(too_large());
  } else {
    response_.body += bytes;
  }
  if (phase_ != Phase::ended && reader_->is_complete()) complete();
}

void AsyncCall::take_head() {
  has_head_ = true;
  is_streamed_ = handlers_.on_bytes != nullptr && reader_->status() / 100 == 2;
  const bool is_too_large = !is_streamed_ && !reader_->is_complete() &&
                            reader_->content_length().value_or(0) > request_.body_bytes_max;
  if (is_too_large) return fail(too_large());
  response_ = reader_->take_head();
}

Error AsyncCall::too_large() const {
  return make_error(ErrorCode::too_large, "the answer of " + url_.origin() + " is larger than " +
                                              format_bytes(request_.body_bytes_max));
}

// The connection goes back before the caller hears of the end, whose next call may then use it.
// Over one with half a request on it, the next would be taken for the other half.
void AsyncCall::complete() {
  const bool may_keep =
      link_ && link_->is_open() && is_sent_ && reader_->may_reuse() && !request_.may_connect;
  if (may_keep) lane_->keep(origin_, std::exchange(link_, nullptr));
  const bool is_told = phase_ == Phase::draining;
  leave();
  if (!is_told) tell(std::move(response_));
}

// The caller has what it wanted, most often all but the end of the framing. While the request is
// still being sent, the connection could not be kept anyway.
void AsyncCall::drain() {
  if (phase_ == Phase::sending) {
    leave();
    return tell(std::move(response_));
  }
  phase_ = Phase::draining;
  expect(kDrainMax, step_);
  if (link_) link_->resume();
  tell(std::move(response_));
}

void AsyncCall::fail(Error error) {
  const bool is_told = phase_ == Phase::draining;
  leave();
  if (!is_told) tell(std::move(error));
}

// Let go of what the handlers hold as soon as they were called: it often owns this call.
void AsyncCall::tell(Result<ClientResponse> result) {
  const CallHandlers handlers = std::exchange(handlers_, {});
  if (handlers.on_end) handlers.on_end(std::move(result));
}

void AsyncCall::leave() {
  phase_ = Phase::ended;
  if (wire_) {
    Wire::SystemError ignored;
    wire_->socket().close(ignored);
  }
  if (link_) link_->close();
  link_.reset();
  lane_->remove(shared_from_this());
}

AsyncCall::TimePoint AsyncCall::check_time(TimePoint now) {
  if (phase_ == Phase::ended) return TimePoint::max();
  if (phase_ == Phase::reading && is_paused_) return TimePoint::max();
  if (now < until_) return until_;
  if (phase_ == Phase::draining) {
    leave();
  } else {
    fail(make_error(ErrorCode::deadline_exceeded,
                    std::string(step_) + " took too long at " + url_.origin()));
  }
  return TimePoint::max();
}

void AsyncCall::expect(Duration span, const char* step) {
  step_ = step;
  until_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(span);
  lane_->expect(until_);
}

}  // namespace plinth::http
