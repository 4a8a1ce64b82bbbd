// SPDX-License-Identifier: Apache-2.0
// How many tokens are worth proposing for a sequence, from what became of its earlier proposals. A
// refused token costs a row of the model's pass, so lengths grow while all are accepted and shrink
// to nothing where none is.
#pragma once

#include <cstdint>

namespace plinth::engine {

// Whether a proposer that is never right is asked again and again. A draft model has to compute
// every token to be asked at all; a lookup has not, and may be right later.
enum class GiveUp : uint8_t { never, after_failures };

class ProposalLength {
 public:
  static constexpr int kFailuresMax = 6;  // proposals in a row of which nothing is kept

  // Never above `most`, which may be 0.
  ProposalLength(int64_t most, GiveUp give_up);

  // For the next iteration.
  int64_t count_max() const { return pause_ > 0 ? 0 : length_; }
  // After an iteration that proposed this many and kept the first `accepted`.
  void learn(int64_t proposed, int64_t accepted);

 private:
  int64_t most_;
  GiveUp give_up_;
  int failures_ = 0;
  int64_t length_;
  int64_t pause_ = 0;   // iterations left without a proposal
  int64_t next_pause_;  // after the next failure
};

}  // namespace plinth::engine
