// SPDX-License-Identifier: Apache-2.0
// Finds stop strings in streamed text. Text that could still become a stop string is held back, so
// no part of one is ever passed on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace plinth::engine {

class StopMatcher {
 public:
  explicit StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  // Text that certainly comes before any stop string. Once matched, nothing more comes.
  std::string feed(std::string_view text);
  // What was held back, when the text ends without a match.
  std::string finish();
  bool is_matched() const { return is_matched_; }
  const std::string& match() const { return match_; }  // the stop string; empty: none yet

 private:
  size_t held_length() const;

  std::vector<std::string> stops_;
  std::string pending_;
  std::string match_;
  bool is_matched_ = false;
};

}  // namespace plinth::engine
