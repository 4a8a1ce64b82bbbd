// SPDX-License-Identifier: Apache-2.0
// Reads one request from bytes cut anywhere. Pure: no sockets, no time. Beast's parser reads the
// grammar; what it would let pass and what two readers could understand differently is refused here
// first.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/detail/chunk_reader.h"
#include "http/server.h"

namespace plinth::http {

// Why a request was refused, and the status that says so.
struct RequestFault {
  int status = 400;
  Error error;
  std::string path = {};  // as in ServerRequest; empty: none was read
};

struct RequestLimits {
  size_t header_bytes_max = limits::kHeaderBytesMax;
  size_t body_bytes_max = limits::kRequestBodyBytesMax;
};

class RequestReader {
 public:
  explicit RequestReader(const RequestLimits& limits);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  // Takes bytes up to the end of the request and returns how many. After a fault or the end it
  // takes none.
  size_t feed(std::string_view bytes);

  bool has_begun() const { return state_ != State::header || !header_.empty(); }
  bool is_complete() const { return state_ == State::complete; }
  const std::optional<RequestFault>& fault() const { return fault_; }
  // True once: the header is read, the body is not, and the peer waits for "100 Continue" before
  // sending it.
  bool take_continue();

  // Once complete.
  ServerRequest take();
  bool is_keep_alive() const;
  // HTTP/1.0 peers know no chunked answers.
  bool is_http10() const;

 private:
  class Parser;
  enum class State { header, body, complete, faulty };

  size_t feed_header(std::string_view bytes);
  size_t feed_body(std::string_view bytes);
  bool scan_header_byte(char byte);
  void end_header();
  void check_header();
  void check_framing();
  void refuse_body_size();
  void refuse(int status, ErrorCode code, std::string message);

  const RequestLimits limits_;
  State state_ = State::header;
  std::string header_;
  std::unique_ptr<Parser> parser_;
  std::optional<ChunkReader> chunks_;  // of a chunked body
  uint64_t left_of_body_ = 0;          // of one with a length
  std::optional<RequestFault> fault_;
  ServerRequest request_;
  bool wants_continue_ = false;
};

}  // namespace plinth::http
