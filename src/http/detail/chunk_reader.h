// SPDX-License-Identifier: Apache-2.0
// Reads a chunked body (RFC 9112, section 7.1) from bytes cut anywhere. Beast's own reader takes
// any byte inside a quoted extension and stops the process by an assertion on some cuts, so it is
// not used.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace plinth::http {

class ChunkReader {
 public:
  static constexpr size_t kLineBytesMax = 4096;  // a size with its extensions, a trailer field
  static constexpr size_t kTrailerBytesMax =
      8192;  // all trailer fields, which are read and dropped
  enum class Fault { none, malformed, too_large };

  explicit ChunkReader(uint64_t body_bytes_max) : left_of_body_(body_bytes_max) {}

  // Takes bytes up to the end of the body, appends its data to `body` and returns how many it took.
  // After a fault or the end it takes none.
  size_t feed(std::string_view bytes, std::string& body);
  bool is_complete() const { return phase_ == Phase::complete; }
  Fault fault() const { return fault_; }

 private:
  enum class Phase { size, data, data_end, trailer, complete };

  size_t feed_line(std::string_view bytes);
  void end_line(std::string_view line);
  void read_size(std::string_view line);
  void read_trailer(std::string_view line);

  Phase phase_ = Phase::size;
  Fault fault_ = Fault::none;
  uint64_t left_of_body_;
  uint64_t left_of_chunk_ = 0;
  size_t trailer_bytes_ = 0;
  std::string line_;  // the part of a line that came so far
};

}  // namespace plinth::http
