// SPDX-License-Identifier: Apache-2.0
// Server-sent events as the HTML standard defines them: lines end in LF, CR or CRLF; an empty line
// ends an event.
#include "http/sse.h"

#include <algorithm>

namespace plinth::http {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// One field cannot hold a line break: it would begin another field.
void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  for (const char c : value) out += c == '\n' || c == '\r' || c == '\0' ? ' ' : c;
  out += '\n';
}

void append_data(std::string& out, std::string_view data) {
  size_t start = 0;
  for (;;) {
    const size_t end = std::min(data.find_first_of("\r\n", start), data.size());
    out += "data: ";
    out += data.substr(start, end - start);
    out += '\n';
    if (end == data.size()) return;
    const bool is_pair = data.substr(end, 2) == "\r\n";
    start = end + (is_pair ? 2 : 1);
  }
}

}  // namespace

std::string encode_sse(const SseEvent& event) {
  std::string out;
  out.reserve(event.data.size() + event.event.size() + event.id.size() + 32);
  if (!event.event.empty()) append_field(out, "event", event.event);
  if (!event.id.empty()) append_field(out, "id", event.id);
  append_data(out, event.data);
  out += '\n';
  return out;
}

std::string encode_sse_data(std::string_view data) {
  std::string out;
  out.reserve(data.size() + 16);
  append_data(out, data);
  out += '\n';
  return out;
}

Result<std::vector<SseEvent>> SseParser::feed(std::string_view bytes) {
  std::vector<SseEvent> events;
  while (!bytes.empty() && !is_too_large_) {
    if (is_after_carriage_return_) {
      is_after_carriage_return_ = false;
      if (bytes.front() == '\n') {
        bytes.remove_prefix(1);
        continue;
      }
    }
    const size_t end = bytes.find_first_of("\r\n");
    const std::string_view part = bytes.substr(0, end);
    if (line_.size() + part.size() + event_.data.size() > kEventBytesMax) {
      is_too_large_ = true;
      break;
    }
    line_ += part;
    if (end == std::string_view::npos) break;
    is_after_carriage_return_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    end_line(events);
  }
  if (is_too_large_) {
    return make_error(ErrorCode::too_large, "a server-sent event is larger than " +
                                                std::to_string(kEventBytesMax) + " bytes");
  }
  return events;
}

void SseParser::end_line(std::vector<SseEvent>& events) {
  std::string_view line = line_;
  if (is_first_line_ && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  is_first_line_ = false;
  if (line.empty()) {
    if (has_data_) {
      event_.data.pop_back();  // the line break after the last data line
      events.push_back(event_);
    }
    event_.event.clear();
    event_.data.clear();
    has_data_ = false;
  } else {
    const size_t colon = line.find(':');
    std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    read_field(line.substr(0, colon), value);
  }
  line_.clear();
}

void SseParser::read_field(std::string_view name, std::string_view value) {
  if (name == "data") {
    event_.data += value;
    event_.data += '\n';
    has_data_ = true;
  } else if (name == "event") {
    event_.event = value;
  } else if (name == "id" && value.find('\0') == std::string_view::npos) {
    event_.id = value;
  }
}

}  // namespace plinth::http
