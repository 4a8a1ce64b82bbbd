// SPDX-License-Identifier: Apache-2.0
// Where the end of a growing token sequence stood before: chains of earlier places with the same
// last tokens, as LZ77 coders keep them. A token costs the same however long the sequence is.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"

namespace plinth::engine {

class NgramIndex {
 public:
  static constexpr size_t kNgramTokens = 3;     // shorter repetitions are mostly chance
  static constexpr size_t kCandidatesMax = 16;  // most recent places that are compared
  static constexpr size_t kMatchTokensMax = 64;

  // Takes note of what came since the last call; `tokens` begins as it did then.
  void extend(std::span<const Token> tokens);

  struct Match {
    size_t next = 0;    // index of the token that followed there
    size_t length = 0;  // tokens that are equal, kNgramTokens to kMatchTokensMax
  };
  // The longest match of the end of the tokens (those of the last extend) among the candidates; of
  // equally long ones the most recent.
  std::optional<Match> find(std::span<const Token> tokens) const;

 private:
  // The last kNgramTokens tokens before `end`; exact, since a vocabulary has at most 2^20 tokens.
  static uint64_t key_of(std::span<const Token> tokens, size_t end);

  // By the n-gram's key: the index after its latest place that is followed by a token.
  std::unordered_map<uint64_t, uint32_t> latest_;
  std::vector<uint32_t> earlier_;  // per index: the one before it with the same key; 0: none
  size_t indexed_ = 0;             // ends of n-grams noted, all below the end of the sequence
};

}  // namespace plinth::engine
