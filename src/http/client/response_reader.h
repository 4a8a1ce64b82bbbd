// SPDX-License-Identifier: Apache-2.0
// Reads one answer from bytes cut anywhere. Pure. Interim answers (1xx) are skipped.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/client.h"

namespace plinth::http {

class ResponseReader {
 public:
  // An answer to HEAD has no body, whatever its header says.
  explicit ResponseReader(bool is_head_request);
  ~ResponseReader();
  ResponseReader(const ResponseReader&) = delete;
  ResponseReader& operator=(const ResponseReader&) = delete;

  // Errors: upstream_failed. Bytes after the answer are dropped.
  Status feed(std::string_view bytes);
  // The peer closed: the end of an answer without a length, an error for any other unfinished one.
  Status end();

  bool is_head_read() const;
  bool is_complete() const;
  std::optional<uint64_t> content_length() const;  // once the head is read
  int status() const { return response_.status; }
  // The head, once. Its body is empty.
  ClientResponse take_head() { return std::move(response_); }
  // The body bytes that came since the last call.
  std::string take_body() { return std::exchange(body_, {}); }

 private:
  class Parser;
  void begin();

  const bool is_head_request_;
  std::unique_ptr<Parser> parser_;
  ClientResponse response_;
  std::string body_;
  std::string held_;
  size_t interims_ = 0;
};

}  // namespace plinth::http
