// SPDX-License-Identifier: Apache-2.0
#include "engine/speculation/proposal_length.h"

#include <algorithm>

namespace plinth::engine {
namespace {

constexpr int64_t kFirstLength = 2;
// Where nothing is ever accepted, one row in so many iterations is lost in the end.
constexpr int64_t kPauseMin = 8;
constexpr int64_t kPauseMax = 64;

}  // namespace

ProposalLength::ProposalLength(int64_t most, GiveUp give_up)
    : most_(most),
      give_up_(give_up),
      length_(std::min(kFirstLength, most)),
      next_pause_(kPauseMin) {}

void ProposalLength::learn(int64_t proposed, int64_t accepted) {
  if (pause_ > 0) --pause_;
  if (proposed == 0) return;
  failures_ = accepted > 0 ? 0 : failures_ + 1;
  if (give_up_ == GiveUp::after_failures && failures_ >= kFailuresMax) {
    length_ = 0;
    return;
  }
  if (accepted == proposed) {
    // A short proposal that was cut by its proposer says nothing against longer ones.
    length_ = std::min(most_, std::max(length_, 2 * proposed));
    next_pause_ = kPauseMin;
  } else if (accepted > 0) {
    length_ = accepted;
    next_pause_ = std::max(kPauseMin, next_pause_ / 2);
  } else if (length_ > 1) {
    length_ /= 2;
  } else {
    pause_ = next_pause_;
    next_pause_ = std::min(kPauseMax, 2 * next_pause_);
  }
}

}  // namespace plinth::engine
