// SPDX-License-Identifier: Apache-2.0
// One answer's bytes between threads. No callback runs under the lock, and no lock is held while a
// loop works.
#include "http/server/answer.h"

#include "base/log.h"
#include "base/text.h"

namespace plinth::http {

ServerResponse error_answer(const ServerOptions& options, int status, const Error& error,
                            const std::string& path) {
  ServerResponse response = options.error_response
                                ? options.error_response(error, path)
                                : ServerResponse::text(status, error.message + "\n");
  response.status = status;
  return response;
}

void ResponseWriter::Impl::set_header(std::string name, std::string value) {
  MutexLock lock(mutex_);
  std::erase_if(headers_, [&](const auto& header) { return header.first == name; });
  headers_.emplace_back(std::move(name), std::move(value));
}

Headers ResponseWriter::Impl::with_set_headers(Headers headers) const {
  for (const auto& [name, value] : headers_) {
    std::erase_if(headers, [&](const auto& header) { return lower_ascii(header.first) == name; });
    headers.emplace_back(name, value);
  }
  return headers;
}

void ResponseWriter::Impl::respond(ServerResponse response) {
  Callbacks dropped;
  MutexLock lock(mutex_);
  if (phase_ != Phase::waiting) {
    log_event(LogLevel::warning, "http.second_answer_refused");
    return;
  }
  response.headers = with_set_headers(std::move(response.headers));
  outgoing_ = encode_response(response, wiring_.form);
  dropped = finish();
}

void ResponseWriter::Impl::begin_stream(int status, Headers headers) {
  MutexLock lock(mutex_);
  if (phase_ != Phase::waiting) {
    log_event(LogLevel::warning, "http.second_answer_refused");
    return;
  }
  phase_ = Phase::streaming;
  is_streamed_ = true;
  outgoing_ = encode_stream_head(status, with_set_headers(std::move(headers)), wiring_.form);
  wake();
}

bool ResponseWriter::Impl::write(std::string_view bytes) {
  MutexLock lock(mutex_);
  if (phase_ != Phase::streaming || is_peer_gone_ || is_cut_) return false;
  if (bytes.empty() || wiring_.form.is_head) return true;
  const size_t waiting = outgoing_.size() + in_flight_bytes_;
  // What waits may be above the bound by one write: a large one is not a slow reader's fault.
  if (waiting > kStreamBufferBytesMax) {
    is_cut_ = true;
    wake();
    return false;
  }
  if (wiring_.form.is_http10) {
    outgoing_ += bytes;
  } else {
    outgoing_ += encode_chunk(bytes);
  }
  wake();
  return true;
}

void ResponseWriter::Impl::end() {
  Callbacks dropped;
  MutexLock lock(mutex_);
  if (phase_ != Phase::streaming) return;
  if (!wiring_.form.is_head && !wiring_.form.is_http10) outgoing_ += kLastChunk;
  dropped = finish();
}

void ResponseWriter::Impl::abandon() {
  bool is_unanswered = false;
  {
    MutexLock lock(mutex_);
    is_unanswered = phase_ == Phase::waiting && !is_peer_gone_;
  }
  if (!is_unanswered) return end();
  respond(error_answer(
      *wiring_.options, 500,
      make_error(ErrorCode::internal, "the request was not answered; see the server's log"),
      wiring_.path));
}

bool ResponseWriter::Impl::is_open() {
  MutexLock lock(mutex_);
  return phase_ != Phase::ended && !is_peer_gone_ && !is_cut_;
}

void ResponseWriter::Impl::on_close(std::function<void()> callback) {
  {
    MutexLock lock(mutex_);
    if (phase_ == Phase::ended) return;
    if (!is_peer_gone_) {
      callbacks_.push_back(std::move(callback));
      return;
    }
  }
  if (!wiring_.gate->post(callback)) callback();
}

ResponseWriter::Impl::Batch ResponseWriter::Impl::take() {
  MutexLock lock(mutex_);
  is_wake_posted_ = false;
  Batch batch;
  batch.bytes = std::move(outgoing_);
  outgoing_.clear();
  in_flight_bytes_ += batch.bytes.size();
  batch.is_last = phase_ == Phase::ended;
  batch.is_cut = is_cut_;
  return batch;
}

void ResponseWriter::Impl::mark_written(size_t bytes) {
  MutexLock lock(mutex_);
  in_flight_bytes_ -= std::min(bytes, in_flight_bytes_);
}

bool ResponseWriter::Impl::mark_peer_gone() {
  Callbacks callbacks;
  bool is_stream = false;
  {
    MutexLock lock(mutex_);
    is_peer_gone_ = true;
    is_stream = phase_ == Phase::streaming;
    callbacks.swap(callbacks_);
  }
  for (const auto& callback : callbacks) callback();
  return is_stream;
}

// Without chunks, the end of a stream is the end of the connection.
bool ResponseWriter::Impl::is_keep_alive() {
  MutexLock lock(mutex_);
  return wiring_.form.is_keep_alive && !(is_streamed_ && wiring_.form.is_http10);
}

void ResponseWriter::Impl::wake() {
  if (is_wake_posted_) return;
  is_wake_posted_ = wiring_.gate->post(wiring_.wake);
}

// The callbacks are handed out so that what they hold is let go outside the lock.
ResponseWriter::Impl::Callbacks ResponseWriter::Impl::finish() {
  phase_ = Phase::ended;
  wake();
  return std::exchange(callbacks_, {});
}

ResponseWriter::ResponseWriter(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

ResponseWriter::ResponseWriter(ResponseWriter&&) noexcept = default;

ResponseWriter& ResponseWriter::operator=(ResponseWriter&& other) noexcept {
  if (this == &other) return *this;
  if (impl_) impl_->abandon();
  impl_ = std::move(other.impl_);
  return *this;
}

ResponseWriter::~ResponseWriter() {
  if (impl_) impl_->abandon();
}

void ResponseWriter::set_header(std::string name, std::string value) {
  if (impl_) impl_->set_header(std::move(name), std::move(value));
}

void ResponseWriter::respond(ServerResponse response) {
  if (impl_) impl_->respond(std::move(response));
}

void ResponseWriter::begin_stream(int status, Headers headers) {
  if (impl_) impl_->begin_stream(status, std::move(headers));
}

bool ResponseWriter::write(std::string bytes) { return impl_ && impl_->write(bytes); }

void ResponseWriter::end() {
  if (impl_) impl_->end();
}

bool ResponseWriter::is_open() const { return impl_ && impl_->is_open(); }

void ResponseWriter::on_close(std::function<void()> callback) {
  if (impl_) impl_->on_close(std::move(callback));
}

}  // namespace plinth::http
