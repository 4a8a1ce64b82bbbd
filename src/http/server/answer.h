// SPDX-License-Identifier: Apache-2.0
// The meeting point of a handler's thread and a connection's loop: bytes go in on one side and out
// on the other.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "http/detail/loop_gate.h"
#include "http/server.h"
#include "http/server/response_head.h"

namespace plinth::http {

// The error body the server's owner chose, with the server's status.
ServerResponse error_answer(const ServerOptions& options, int status, const Error& error,
                            const std::string& path);

class ResponseWriter::Impl {
 public:
  struct Wiring {
    std::shared_ptr<LoopGate> gate;
    std::function<void()> wake;  // runs on the loop: bytes wait
    AnswerForm form;
    std::shared_ptr<const ServerOptions> options;
    std::string path;  // of the request; empty: none was read
  };
  explicit Impl(Wiring wiring) : wiring_(std::move(wiring)) {}

  // The handler's side, from any thread.
  void set_header(std::string name, std::string value) EXCLUDES(mutex_);
  void respond(ServerResponse response) EXCLUDES(mutex_);
  void begin_stream(int status, Headers headers) EXCLUDES(mutex_);
  bool write(std::string_view bytes) EXCLUDES(mutex_);
  void end() EXCLUDES(mutex_);
  void abandon() EXCLUDES(mutex_);
  bool is_open() EXCLUDES(mutex_);
  void on_close(std::function<void()> callback) EXCLUDES(mutex_);

  // The connection's side, on its loop.
  struct Batch {
    std::string bytes;
    bool is_last = false;
    bool is_cut = false;  // the reader is too slow: close, do not finish
  };
  Batch take() EXCLUDES(mutex_);
  void mark_written(size_t bytes) EXCLUDES(mutex_);
  // The peer sends no more. True when the answer is a stream, which nobody reads now.
  bool mark_peer_gone() EXCLUDES(mutex_);
  bool is_keep_alive() EXCLUDES(mutex_);

 private:
  enum class Phase { waiting, streaming, ended };
  using Callbacks = std::vector<std::function<void()>>;

  void wake() REQUIRES(mutex_);
  Callbacks finish() REQUIRES(mutex_);
  Headers with_set_headers(Headers headers) const REQUIRES(mutex_);

  const Wiring wiring_;
  Mutex mutex_;
  Phase phase_ GUARDED_BY(mutex_) = Phase::waiting;
  Headers headers_ GUARDED_BY(mutex_);
  std::string outgoing_ GUARDED_BY(mutex_);
  size_t in_flight_bytes_ GUARDED_BY(mutex_) = 0;  // taken, not yet with the kernel
  bool is_wake_posted_ GUARDED_BY(mutex_) = false;
  bool is_peer_gone_ GUARDED_BY(mutex_) = false;
  bool is_cut_ GUARDED_BY(mutex_) = false;
  bool is_streamed_ GUARDED_BY(mutex_) = false;
  Callbacks callbacks_ GUARDED_BY(mutex_);
};

}  // namespace plinth::http
