// SPDX-License-Identifier: Apache-2.0
// The chunked framing, line by line: size, data, the line break after it, trailer.
#include "http/detail/chunk_reader.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "http/detail/fields.h"

namespace plinth::http {
namespace {

// A line, or the start of one, with no control character but the tab and the line break at its end.
bool is_line_so_far(std::string_view line) {
  if (line.ends_with('\n')) {
    line.remove_suffix(1);
    if (!line.ends_with('\r')) return false;
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  return is_field_value(line);
}

// Takes a token from the front; false when there is none.
bool take_token(std::string_view& text) {
  size_t size = 0;
  while (size < text.size() && is_token(text.substr(size, 1))) ++size;
  text.remove_prefix(size);
  return size > 0;
}

bool take_quoted(std::string_view& text) {
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

// *( ";" token [ "=" ( token / quoted-string ) ] ), without the white space few readers agree on.
bool are_extensions(std::string_view text) {
  while (!text.empty()) {
    if (text.front() != ';') return false;
    text.remove_prefix(1);
    if (!take_token(text)) return false;
    if (!text.starts_with('=')) continue;
    text.remove_prefix(1);
    if (!(text.starts_with('"') ? take_quoted(text) : take_token(text))) return false;
  }
  return true;
}

}  // namespace

size_t ChunkReader::feed(std::string_view bytes, std::string& body) {
  size_t taken = 0;
  while (taken < bytes.size() && !is_complete() && fault_ == Fault::none) {
    if (phase_ != Phase::data) {
      taken += feed_line(bytes.substr(taken));
      continue;
    }
    const auto count =
        static_cast<size_t>(std::min<uint64_t>(left_of_chunk_, bytes.size() - taken));
    body += bytes.substr(taken, count);
    taken += count;
    left_of_chunk_ -= count;
    if (left_of_chunk_ == 0) phase_ = Phase::data_end;
  }
  return taken;
}

size_t ChunkReader::feed_line(std::string_view bytes) {
  const size_t end = bytes.find('\n');
  const bool is_ended = end != std::string_view::npos;
  const size_t taken = is_ended ? end + 1 : bytes.size();
  if (line_.size() + taken > kLineBytesMax) {
    fault_ = Fault::malformed;
    return taken;
  }
  line_ += bytes.substr(0, taken);
  const bool is_wrong_break =
      phase_ == Phase::data_end && !std::string_view("\r\n").starts_with(line_);
  if (!is_line_so_far(line_) || is_wrong_break) {
    fault_ = Fault::malformed;
  } else if (is_ended) {
    end_line(std::string_view(line_).substr(0, line_.size() - 2));
    line_.clear();
  }
  return taken;
}

void ChunkReader::end_line(std::string_view line) {
  if (phase_ == Phase::size) {
    read_size(line);
  } else if (phase_ == Phase::data_end) {
    phase_ = Phase::size;
  } else {
    read_trailer(line);
  }
}

void ChunkReader::read_size(std::string_view line) {
  const size_t digits = std::min(line.find(';'), line.size());
  uint64_t size = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + digits, size, 16);
  if (error != std::errc() || end != line.data() + digits || !are_extensions(line.substr(digits))) {
    fault_ = Fault::malformed;
  } else if (size > left_of_body_) {
    fault_ = Fault::too_large;
  } else {
    left_of_body_ -= size;
    left_of_chunk_ = size;
    phase_ = size > 0 ? Phase::data : Phase::trailer;
  }
}

// Trailer fields must be well formed, must not speak of framing, and are dropped: a field that
// comes after the body must not be taken for one that came before it.
void ChunkReader::read_trailer(std::string_view line) {
  if (line.empty()) {
    phase_ = Phase::complete;
    return;
  }
  trailer_bytes_ += line.size();
  const size_t colon = std::min(line.find(':'), line.size());
  const std::string name = lower_ascii(line.substr(0, colon));
  const bool is_framing = name == "transfer-encoding" || name == "content-length" || name == "host";
  if (colon == line.size() || !is_token(name) || is_framing || trailer_bytes_ > kTrailerBytesMax) {
    fault_ = Fault::malformed;
  }
}

}  // namespace plinth::http
