// SPDX-License-Identifier: Apache-2.0
// The loop both tokenizers share: neighbouring symbols are joined, best pair first, until no pair
// of neighbours can be joined.
#pragma once

#include <cstdint>
#include <queue>
#include <vector>

#include "engine/engine.h"

namespace plinth::engine {

// A run of bytes [begin, begin + length) of the piece, with the token it spells (-1: none).
struct Symbol {
  uint32_t begin = 0;
  uint32_t length = 0;
  Token token = -1;
};

// What joining two neighbours gives. Lower costs go first; equal costs go from left to right.
struct Merge {
  double cost = 0;
  Token token = -1;
};

// `find(left, right)` returns an optional Merge for two neighbouring symbols. Symbols are joined in
// place; the result keeps their order. Takes O(n log n) steps for n symbols.
template <typename Find>
void merge_symbols(std::vector<Symbol>& symbols, const Find& find) {
  struct Candidate {
    double cost;
    uint32_t left;
    uint32_t right;
    uint32_t length;  // of both together when queued: tells a stale candidate
    Token token;
    bool operator<(const Candidate& other) const {  // std::priority_queue yields the largest
      return cost != other.cost ? cost > other.cost : left > other.left;
    }
  };
  constexpr uint32_t kNone = UINT32_MAX;
  const auto count = static_cast<uint32_t>(symbols.size());
  std::vector<uint32_t> previous(count);
  std::vector<uint32_t> next(count);
  for (uint32_t i = 0; i < count; ++i) {
    previous[i] = i == 0 ? kNone : i - 1;
    next[i] = i + 1 == count ? kNone : i + 1;
  }
  std::priority_queue<Candidate> queue;
  const auto offer = [&](uint32_t left, uint32_t right) {
    if (left == kNone || right == kNone) return;
    const auto merge = find(symbols[left], symbols[right]);
    if (!merge) return;
    queue.push(
        {merge->cost, left, right, symbols[left].length + symbols[right].length, merge->token});
  };
  for (uint32_t i = 0; i + 1 < count; ++i) offer(i, i + 1);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbols[best.left];
    Symbol& right = symbols[best.right];
    if (left.length == 0 || right.length == 0 || left.length + right.length != best.length)
      continue;
    left.length += right.length;
    left.token = best.token;
    right.length = 0;
    next[best.left] = next[best.right];
    if (next[best.right] != kNone) previous[next[best.right]] = best.left;
    offer(previous[best.left], best.left);
    offer(best.left, next[best.left]);
  }
  std::erase_if(symbols, [](const Symbol& symbol) { return symbol.length == 0; });
}

}  // namespace plinth::engine
