// SPDX-License-Identifier: Apache-2.0
#include "engine/batcher/pace.h"

#include <algorithm>
#include <iterator>

namespace plinth::engine {
namespace {

constexpr double kWeightOfNew = 0.2;

double smoothed(double known, double seen) {
  return known == 0 ? seen : known + kWeightOfNew * (seen - known);
}

}  // namespace

// Between the counts that were seen in a straight line, beyond them in proportion to the rows.
double Pace::decode_seconds(int64_t rows) const {
  if (decode_seconds_.empty()) return static_cast<double>(rows) * seconds_per_prompt_row_;
  const auto above = decode_seconds_.lower_bound(rows);
  if (above == decode_seconds_.end()) {
    const auto& [known, seconds] = *std::prev(above);
    return seconds * static_cast<double>(rows) / static_cast<double>(known);
  }
  if (above->first == rows || above == decode_seconds_.begin()) return above->second;
  const auto below = std::prev(above);
  const double share =
      static_cast<double>(rows - below->first) / static_cast<double>(above->first - below->first);
  return below->second + share * (above->second - below->second);
}

void Pace::learn(int64_t decoding_rows, int64_t prompt_rows, double seconds) {
  if (seconds <= 0) return;
  if (prompt_rows == 0) {
    double& known = decode_seconds_[decoding_rows];
    known = smoothed(known, seconds);
    return;
  }
  // Few rows cost as much as the weights do, whatever their number.
  if (prompt_rows < kRowsMin) return;
  const double others = decoding_rows == 0 ? 0 : decode_seconds(decoding_rows);
  // What an estimate too high would leave is no less than the rows' share of the whole.
  const double share =
      seconds * static_cast<double>(prompt_rows) / static_cast<double>(prompt_rows + decoding_rows);
  const double rows_seconds = std::max(seconds - others, share / 2);
  seconds_per_prompt_row_ =
      smoothed(seconds_per_prompt_row_, rows_seconds / static_cast<double>(prompt_rows));
}

int64_t Pace::prompt_rows(int64_t decoding_rows) const {
  if (seconds_per_prompt_row_ == 0) return kRowsUnknown;
  const double left = seconds_max_ - decode_seconds(decoding_rows);
  const double rows = std::max(0.0, left) / seconds_per_prompt_row_;
  return static_cast<int64_t>(
      std::clamp(rows, static_cast<double>(kRowsMin), static_cast<double>(kRowsMax)));
}

}  // namespace plinth::engine
