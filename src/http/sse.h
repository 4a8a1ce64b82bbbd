// SPDX-License-Identifier: Apache-2.0
// Server-sent events: encoding one event, and an incremental parser for bytes cut anywhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace plinth::http {

struct SseEvent {
  std::string event;  // empty: "message"
  std::string data;
  std::string id;
};

std::string encode_sse(const SseEvent& event);
// "data: …\n\n", one data line a line of text.
std::string encode_sse_data(std::string_view data);

class SseParser {
 public:
  static constexpr size_t kEventBytesMax = 4u << 20;
  // Events completed by these bytes; too_large when one event outgrows the limit, then and in every
  // later call.
  Result<std::vector<SseEvent>> feed(std::string_view bytes);

 private:
  void end_line(std::vector<SseEvent>& events);
  void read_field(std::string_view name, std::string_view value);

  std::string line_;
  SseEvent event_;  // its id stays for the events after it, as the standard says
  bool has_data_ = false;
  bool is_after_carriage_return_ = false;
  bool is_first_line_ = true;  // may begin with a byte order mark
  bool is_too_large_ = false;
};

}  // namespace plinth::http
