// SPDX-License-Identifier: Apache-2.0
// Where a block of calls ends, looked for while the block comes in: no byte is looked at twice.
#pragma once

#include <optional>
#include <string_view>

#include "engine/tool_calls/call_formats.h"

namespace plinth::engine {

class BlockEnd {
 public:
  explicit BlockEnd(const CallFormat& format) : format_(&format) {}

  struct Found {
    size_t content = 0;  // bytes of what the format's reader gets
    size_t whole = 0;    // with the closing tag
  };
  // `text` is what came behind the opening tag so far: more of it at each call.
  std::optional<Found> find(std::string_view text);
  // No block that begins like this can be one of calls.
  bool is_hopeless() const { return is_hopeless_; }

 private:
  std::optional<Found> find_tag(std::string_view text);
  std::optional<Found> find_tag_behind_parameters(std::string_view text);
  std::optional<Found> find_json_end(std::string_view text);
  bool find_json_begin(std::string_view text);
  // Over one character that is not the end; true: it is inside of a string.
  bool skip_in_string(std::string_view text);

  const CallFormat* format_;
  size_t at_ = 0;
  int depth_ = 0;
  bool is_in_string_ = false;
  bool is_in_parameter_ = false;
  bool is_hopeless_ = false;
};

// Length of the longest end of `text` that begins `tag` and is not all of it.
size_t tag_start_length(std::string_view text, std::string_view tag);

}  // namespace plinth::engine
