// SPDX-License-Identifier: Apache-2.0
#include "engine/speculation/ngram_index.h"

#include <algorithm>

namespace plinth::engine {

uint64_t NgramIndex::key_of(std::span<const Token> tokens, size_t end) {
  constexpr unsigned kTokenBits = 21;
  static_assert(kTokenBits * kNgramTokens < 64);
  uint64_t key = 0;
  for (size_t i = end - kNgramTokens; i < end; ++i) {
    key = key << kTokenBits | static_cast<uint64_t>(tokens[i]);
  }
  return key;
}

void NgramIndex::extend(std::span<const Token> tokens) {
  earlier_.resize(std::max(earlier_.size(), tokens.size()));
  // The n-gram at the very end is followed by nothing yet.
  for (size_t end = std::max(indexed_ + 1, kNgramTokens); end < tokens.size(); ++end) {
    uint32_t& latest = latest_[key_of(tokens, end)];
    earlier_[end] = latest;
    latest = static_cast<uint32_t>(end);
    indexed_ = end;
  }
}

std::optional<NgramIndex::Match> NgramIndex::find(std::span<const Token> tokens) const {
  if (tokens.size() <= kNgramTokens) return std::nullopt;
  const auto found = latest_.find(key_of(tokens, tokens.size()));
  if (found == latest_.end()) return std::nullopt;
  std::optional<Match> best;
  size_t place = found->second;
  for (size_t i = 0; i < kCandidatesMax && place > 0; ++i, place = earlier_[place]) {
    const size_t reach = std::min(place, kMatchTokensMax);
    size_t length = kNgramTokens;
    while (length < reach && tokens[place - 1 - length] == tokens[tokens.size() - 1 - length]) {
      ++length;
    }
    if (!best || length > best->length) best = Match{place, length};
  }
  return best;
}

}  // namespace plinth::engine
