// SPDX-License-Identifier: Apache-2.0
// Both rankings are complete, so that no match is lost before the fusion.
#include "memory/recall/recall.h"

#include <algorithm>
#include <map>

#include "memory/texts/words.h"

namespace plinth::memory {

std::vector<Fused> fuse(const Ranking& ranking) {
  std::map<Slot, Fused> by_slot;
  for (const Scored& scored : ranking.by_vector) by_slot[scored.slot].vector_score = scored.score;
  for (const Scored& scored : ranking.by_word) by_slot[scored.slot].word_score = scored.score;
  const double best_word = ranking.by_word.empty() ? 1 : ranking.by_word.front().score;
  std::vector<Fused> ranked;
  ranked.reserve(by_slot.size());
  for (auto& [slot, fused] : by_slot) {
    fused.slot = slot;
    fused.score =
        kVectorWeight * fused.vector_score + (1 - kVectorWeight) * fused.word_score / best_word;
    ranked.push_back(fused);
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Fused& a, const Fused& b) { return a.score > b.score; });
  return ranked;
}

std::vector<Recalled> recall_in(const SpaceState& space, const std::string& principal,
                                const std::string& query, std::span<const float> query_vector,
                                size_t limit) {
  const Visible visible = space.visible_to(principal);
  const Ranking ranking{.by_vector = space.vectors().search(query_vector, visible, kVectorScoreMin),
                        .by_word = space.words().search(index_terms(query), visible)};
  std::vector<Recalled> recalled;
  for (const Fused& fused : fuse(ranking)) {
    if (recalled.size() >= limit) break;
    recalled.push_back({.record = space.at(fused.slot),
                        .score = fused.score,
                        .vector_score = fused.vector_score,
                        .word_score = fused.word_score});
  }
  return recalled;
}

}  // namespace plinth::memory
