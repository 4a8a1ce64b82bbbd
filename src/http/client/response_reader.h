// SPDX-License-Identifier: Apache-2.0
// Reads one answer from bytes cut anywhere. Pure. Interim answers (1xx) are skipped.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/client.h"
#include "http/detail/chunk_reader.h"

namespace plinth::http {

class ResponseReader {
 public:
  // An answer to HEAD has no body, whatever its header says.
  explicit ResponseReader(bool is_head_request);
  ~ResponseReader();
  ResponseReader(const ResponseReader&) = delete;
  ResponseReader& operator=(const ResponseReader&) = delete;

  // Errors: upstream_failed. Bytes after the answer are dropped, and spoil the connection.
  Status feed(std::string_view bytes);
  // The peer closed: the end of an answer without a length, an error for any other unfinished one.
  Status end();

  bool is_head_read() const { return phase_ != Phase::head; }
  bool is_complete() const { return phase_ == Phase::complete; }
  std::optional<uint64_t> content_length() const;  // once the head is read
  // Once complete: the connection stands where the next answer begins, and the peer keeps it open.
  bool may_reuse() const { return is_keep_alive_ && !has_excess_; }
  int status() const { return response_.status; }
  // The head, once. Its body is empty.
  ClientResponse take_head() { return std::move(response_); }
  // The body bytes that came since the last call.
  std::string take_body() { return std::exchange(body_, {}); }

 private:
  class Parser;
  enum class Phase { head, body, complete };

  Status end_head();
  Status feed_body(std::string_view bytes);

  const bool is_head_request_;
  Phase phase_ = Phase::head;
  std::string head_;
  std::unique_ptr<Parser> parser_;
  ClientResponse response_;
  size_t interims_ = 0;
  bool is_keep_alive_ = false;
  bool has_excess_ = false;               // bytes after the end
  std::optional<ChunkReader> chunks_;     // of a chunked body
  std::optional<uint64_t> left_of_body_;  // of one with a length; neither: up to the end
  std::string body_;
};

}  // namespace plinth::http
