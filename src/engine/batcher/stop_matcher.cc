// SPDX-License-Identifier: Apache-2.0
// The pending text is shorter than the longest stop string, so looking at all of it each time is
// cheap.
#include "engine/batcher/stop_matcher.h"

#include <algorithm>

namespace plinth::engine {

std::string StopMatcher::feed(std::string_view text) {
  if (is_matched_) return {};
  pending_ += text;
  size_t first = std::string::npos;
  for (const std::string& stop : stops_) {
    const size_t found = pending_.find(stop);
    if (found >= first) continue;
    first = found;
    match_ = stop;
  }
  if (first != std::string::npos) {
    is_matched_ = true;
    std::string passed = pending_.substr(0, first);
    pending_.clear();
    return passed;
  }
  const size_t passed_length = pending_.size() - held_length();
  std::string passed = pending_.substr(0, passed_length);
  pending_.erase(0, passed_length);
  return passed;
}

std::string StopMatcher::finish() { return is_matched_ ? std::string() : std::move(pending_); }

// Length of the longest end of the pending text that begins a stop string.
size_t StopMatcher::held_length() const {
  size_t longest = 0;
  for (const std::string& stop : stops_) {
    const size_t length_max = std::min(pending_.size(), stop.size() - 1);
    for (size_t length = length_max; length > longest; --length) {
      if (std::string_view(pending_).substr(pending_.size() - length) ==
          std::string_view(stop).substr(0, length)) {
        longest = length;
      }
    }
  }
  return longest;
}

}  // namespace plinth::engine
