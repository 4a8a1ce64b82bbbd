// SPDX-License-Identifier: Apache-2.0
// Answers as bytes: status line, header fields, framing.
#pragma once

#include <cstdint>
#include <string>

#include "http/server.h"

namespace plinth::http {

// What the request says about the form of its answer.
struct AnswerForm {
  bool is_head = false;
  bool is_http10 = false;
  bool is_keep_alive = true;
};

// The whole answer, with its length.
std::string encode_response(const ServerResponse& response, const AnswerForm& form);
// The head of a streamed answer: chunked, or ended by closing for HTTP/1.0.
std::string encode_stream_head(int status, const Headers& headers, const AnswerForm& form);
std::string encode_chunk(std::string_view bytes);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(int64_t unix_seconds);

}  // namespace plinth::http
