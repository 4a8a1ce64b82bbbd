// SPDX-License-Identifier: Apache-2.0
// The connection's state machine. Plain callbacks: each holds the connection alive and runs on its
// loop.
#include "http/server/connection.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include "base/log.h"

namespace plinth::http {
namespace {

namespace net = boost::asio;
using net::ip::tcp;

constexpr size_t kReadBytes = 64u << 10;
constexpr size_t kPipelinedBytesMax = 64u << 10;  // held while an answer runs; then reading pauses
constexpr size_t kLingerBytesMax = 64u << 20;
constexpr Duration kLingerMax = std::chrono::seconds(2);
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

void run_handler(const Handler& handler, ServerRequest request, ResponseWriter writer) {
  try {
    handler(std::move(request), std::move(writer));
  } catch (const std::exception& exception) {
    log_event(LogLevel::error, "http.handler_threw", {{"what", exception.what()}});
  } catch (...) {
    log_event(LogLevel::error, "http.handler_threw", {{"what", "not a std::exception"}});
  }
}

}  // namespace

size_t ConnectionCount::add(int64_t change) {
  MutexLock lock(mutex_);
  count_ = static_cast<size_t>(static_cast<int64_t>(count_) + change);
  if (count_ == 0) changed_.notify_all();
  return count_;
}

bool ConnectionCount::wait_for_none(Duration span) {
  const auto until = std::chrono::steady_clock::now() + span;
  MutexLock lock(mutex_);
  while (count_ > 0) {
    const auto left = until - std::chrono::steady_clock::now();
    if (left <= Duration::zero()) return false;
    changed_.wait_for(mutex_, left);
  }
  return true;
}

Connection::Connection(ServerCore& core, Lane& lane, Socket socket, Admission admission)
    : core_(core),
      lane_(lane),
      admission_(admission),
      socket_(std::move(socket)),
      timer_(lane.loop.context()) {
  lane_.connections.insert(this);
}

Connection::~Connection() {
  lane_.connections.erase(this);
  if (admission_ == Admission::served) core_.served.fetch_sub(1);
  core_.connections.add(-1);
}

void Connection::start() {
  self_ = shared_from_this();
  if (core_.is_draining) return close();
  ErrorCodeOf error;
  socket_.non_blocking(true, error);
  if (!error) socket_.set_option(tcp::no_delay(true), error);
  const auto endpoint = socket_.remote_endpoint(error);
  if (error) return close();
  auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = net::ip::make_address_v4(net::ip::v4_mapped, address.to_v6());
  }
  peer_address_ = address.to_string();
  is_peer_loopback_ = address.is_loopback();
  reader_.emplace(RequestLimits{core_.options->header_bytes_max, core_.options->body_bytes_max});
  expect(Wait::idle, core_.options->idle_max);
  start_read();
  if (admission_ == Admission::served) return;
  fail({503, make_error(ErrorCode::unavailable, "too many connections; try again later")});
}

void Connection::close_if_idle() {
  if (phase_ == Phase::receiving && input_.empty() && !reader_->has_begun()) close();
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  ErrorCodeOf ignored;
  socket_.close(ignored);
  timer_.cancel();
  if (const auto answer = std::move(answer_)) answer->mark_peer_gone();
  self_.reset();
}

// Waits for readability without a buffer, so that an idle connection costs no memory for reading.
void Connection::start_read() {
  if (is_read_pending_ || phase_ == Phase::closed || has_peer_ended_) return;
  if (phase_ == Phase::answering && input_.size() >= kPipelinedBytesMax) return;
  is_read_pending_ = true;
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](const auto& error) {
    self->is_read_pending_ = false;
    self->on_readable(error);
  });
}

void Connection::on_readable(const ErrorCodeOf& wait_error) {
  if (phase_ == Phase::closed) return;
  if (wait_error) return close();
  std::array<char, kReadBytes> buffer;
  ErrorCodeOf error;
  const size_t bytes = socket_.read_some(net::buffer(buffer), error);
  if (error == net::error::eof) {
    on_peer_end();
  } else if (error && error != net::error::would_block && error != net::error::interrupted) {
    return close();
  } else if (phase_ == Phase::lingering) {
    lingered_bytes_ += bytes;
    if (lingered_bytes_ > kLingerBytesMax) return close();
  } else {
    input_.append(buffer.data(), bytes);
    if (phase_ == Phase::receiving) consume();
  }
  start_read();
}

void Connection::on_peer_end() {
  has_peer_ended_ = true;
  if (phase_ != Phase::answering) return close();
  // A whole answer can still be written to a peer that only closed its sending side.
  const auto answer = answer_;
  if (answer && answer->mark_peer_gone()) close();
}

void Connection::consume() {
  while (phase_ == Phase::receiving && !input_.empty()) {
    if (wait_ != Wait::request) expect(Wait::request, core_.options->request_max);
    const size_t taken = reader_->feed(input_);
    input_.erase(0, taken);
    if (reader_->fault()) {
      const RequestFault fault = *reader_->fault();
      return fail(fault);
    }
    if (reader_->is_complete()) return dispatch();
    if (reader_->take_continue() && !is_writing_) {
      output_ = kContinue;
      write_some();
    }
  }
}

void Connection::dispatch() {
  AnswerForm form{.is_head = false,
                  .is_http10 = reader_->is_http10(),
                  .is_keep_alive = reader_->is_keep_alive() && !core_.is_draining};
  ServerRequest request = reader_->take();
  form.is_head = request.method == "HEAD";
  request.peer_address = peer_address_;
  request.is_peer_loopback = is_peer_loopback_;
  reader_.reset();
  begin_answer(form, request.path);

  if (core_.options->is_quick && core_.options->is_quick(request)) {
    return run_handler(core_.handler, std::move(request), ResponseWriter(answer_));
  }
  using Job = std::pair<ServerRequest, ResponseWriter>;
  auto job = std::make_shared<Job>(std::move(request), ResponseWriter(answer_));
  const Status queued = core_.workers.submit([&core = core_, job] {
    run_handler(core.handler, std::move(job->first), std::move(job->second));
  });
  if (queued.is_ok()) return;
  job->second.respond(error_answer(
      *core_.options, 503,
      make_error(ErrorCode::overloaded, "the server's queue of requests is full; try again later"),
      job->first.path));
}

void Connection::fail(const RequestFault& fault) {
  begin_answer(AnswerForm{.is_head = false, .is_http10 = false, .is_keep_alive = false},
               fault.path);
  answer_->respond(error_answer(*core_.options, fault.status, fault.error, fault.path));
  reader_.reset();
  flush();
}

void Connection::begin_answer(const AnswerForm& form, const std::string& path) {
  phase_ = Phase::answering;
  // "100 Continue" can still be on its way, to a peer that does not read.
  expect(is_writing_ ? Wait::write : Wait::none, core_.options->write_stall_max);
  answer_ = std::make_shared<ResponseWriter::Impl>(
      ResponseWriter::Impl::Wiring{.gate = lane_.gate,
                                   .wake =
                                       [weak = weak_from_this()] {
                                         if (const auto self = weak.lock()) self->flush();
                                       },
                                   .form = form,
                                   .options = core_.options,
                                   .path = path});
}

void Connection::flush() {
  if (phase_ != Phase::answering || is_writing_ || !answer_) return;
  auto batch = answer_->take();
  if (batch.is_cut) return close();
  if (batch.bytes.empty() && !batch.is_last) return;
  output_ = std::move(batch.bytes);
  output_start_ = 0;
  is_output_last_ = batch.is_last;
  is_output_answer_ = true;
  if (output_.empty()) return finish_answer();
  write_some();
}

void Connection::write_some() {
  is_writing_ = true;
  if (phase_ == Phase::answering) expect(Wait::write, core_.options->write_stall_max);
  const auto rest = net::buffer(output_) + output_start_;
  socket_.async_write_some(rest, [self = shared_from_this()](const auto& error, size_t bytes) {
    self->is_writing_ = false;
    self->on_written(error, bytes);
  });
}

void Connection::on_written(const ErrorCodeOf& error, size_t bytes) {
  if (phase_ == Phase::closed) return;
  if (error) return close();
  output_start_ += bytes;
  if (is_output_answer_ && answer_) answer_->mark_written(bytes);
  if (output_start_ < output_.size()) return write_some();
  output_.clear();
  output_start_ = 0;
  if (phase_ != Phase::answering) return;
  expect(Wait::none, {});
  if (is_output_answer_ && is_output_last_) return finish_answer();
  flush();
}

void Connection::finish_answer() {
  const bool is_keep_alive = answer_->is_keep_alive();
  answer_.reset();
  is_output_last_ = false;
  is_output_answer_ = false;
  if (has_peer_ended_) return close();
  if (!is_keep_alive || core_.is_draining) return linger();
  phase_ = Phase::receiving;
  reader_.emplace(RequestLimits{core_.options->header_bytes_max, core_.options->body_bytes_max});
  expect(Wait::idle, core_.options->idle_max);
  consume();
  start_read();
}

// Closing while bytes of the peer wait unread would reset the connection, and the reset can
// overtake the answer.
void Connection::linger() {
  phase_ = Phase::lingering;
  input_ = std::string();
  ErrorCodeOf error;
  socket_.shutdown(tcp::socket::shutdown_send, error);
  if (error) return close();
  expect(Wait::linger, kLingerMax);
  start_read();
}

void Connection::expect(Wait wait, Duration span) {
  wait_ = wait;
  if (wait == Wait::none) return;
  wait_end_ = std::chrono::steady_clock::now() +
              std::chrono::duration_cast<std::chrono::steady_clock::duration>(span);
  if (!is_timer_pending_ || timer_.expiry() > wait_end_) start_timer();
}

// The timer is moved only to an earlier time; when it fires too early it is set anew. Moving it
// with every request would cost more than the request.
void Connection::start_timer() {
  timer_.expires_at(wait_end_);
  is_timer_pending_ = true;
  timer_.async_wait([self = shared_from_this()](const auto& error) { self->on_timer(error); });
}

void Connection::on_timer(const ErrorCodeOf& error) {
  if (error || phase_ == Phase::closed) return;  // moved: another wait is pending
  is_timer_pending_ = false;
  if (wait_ == Wait::none) return;
  if (std::chrono::steady_clock::now() < wait_end_) return start_timer();
  on_expired();
}

void Connection::on_expired() {
  if (wait_ == Wait::request) {
    return fail({408, make_error(ErrorCode::deadline_exceeded,
                                 "the request did not arrive in time; send it faster")});
  }
  close();
}

}  // namespace plinth::http
