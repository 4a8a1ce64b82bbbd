// SPDX-License-Identifier: Apache-2.0
// Which tokens of a vocabulary may come next: one bit each.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/engine.h"

namespace plinth::engine {

class TokenMask {
 public:
  explicit TokenMask(size_t vocabulary) : vocabulary_(vocabulary), words_((vocabulary + 63) / 64) {}

  size_t vocabulary() const { return vocabulary_; }
  bool allows(Token token) const {
    const auto at = static_cast<size_t>(token);
    return at < vocabulary_ && ((words_[at / 64] >> (at % 64)) & 1) != 0;
  }
  void allow(Token token) {
    const auto at = static_cast<size_t>(token);
    words_[at / 64] |= uint64_t{1} << (at % 64);
  }
  void forbid(Token token) {
    const auto at = static_cast<size_t>(token);
    words_[at / 64] &= ~(uint64_t{1} << (at % 64));
  }
  void allow_all_of(std::span<const uint64_t> words) {
    for (size_t i = 0; i < words.size(); ++i) words_[i] |= words[i];
  }
  size_t count() const {
    size_t count = 0;
    for (const uint64_t word : words_) count += static_cast<size_t>(std::popcount(word));
    return count;
  }
  std::span<const uint64_t> words() const { return words_; }

  // Calls visit(token) for each token that is allowed, in their order.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (size_t i = 0; i < words_.size(); ++i) {
      for (uint64_t left = words_[i]; left != 0; left &= left - 1) {
        visit(static_cast<Token>(i * 64 + static_cast<size_t>(std::countr_zero(left))));
      }
    }
  }
  bool operator==(const TokenMask&) const = default;

 private:
  size_t vocabulary_;
  std::vector<uint64_t> words_;
};

}  // namespace plinth::engine
