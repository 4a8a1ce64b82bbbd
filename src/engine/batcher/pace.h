// SPDX-License-Identifier: Apache-2.0
// How many prompt tokens an iteration takes, from what iterations took before: as many as leave the
// sequences that decode beside them their time per token.
//
// An iteration of d decoding rows and p prompt rows takes about seconds(d) + p * seconds per prompt
// row; both are learned online.
#pragma once

#include <cstdint>
#include <map>

namespace plinth::engine {

class Pace {
 public:
  // The longest that an iteration should take while sequences decode.
  explicit Pace(double seconds_max) : seconds_max_(seconds_max) {}

  void learn(int64_t decoding_rows, int64_t prompt_rows, double seconds);

  // Beside so many decoding rows, at least 1. kRowsMin and more, so that prompts go on whatever
  // decoding takes; kRowsMax at most.
  int64_t prompt_rows(int64_t decoding_rows) const;

  static constexpr int64_t kRowsMin = 16;
  static constexpr int64_t kRowsMax = 512;
  static constexpr int64_t kRowsUnknown = 64;  // until something was learned

 private:
  double decode_seconds(int64_t rows) const;

  const double seconds_max_;
  std::map<int64_t, double> decode_seconds_;  // of iterations without prompts, by their rows
  double seconds_per_prompt_row_ = 0;         // 0: not known
};

}  // namespace plinth::engine
