// SPDX-License-Identifier: Apache-2.0
// Postings per term; a search walks the postings of its terms.
#include "memory/texts/word_index.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace plinth::memory {
namespace {

std::map<std::string, uint32_t> counted(const std::vector<std::string>& terms) {
  std::map<std::string, uint32_t> counts;
  for (const std::string& term : terms) ++counts[term];
  return counts;
}

bool is_visible(const Visible& visible, Slot slot) {
  return slot < visible.size() && visible[slot];
}

}  // namespace

void WordIndex::add(Slot slot, const std::vector<std::string>& terms) {
  Document& document = documents_[slot];
  document.length = static_cast<uint32_t>(terms.size());
  for (const auto& [term, count] : counted(terms)) {
    postings_[term].push_back({slot, count});
    document.terms.push_back(term);
  }
}

void WordIndex::remove(Slot slot) {
  const auto document = documents_.find(slot);
  if (document == documents_.end()) return;
  for (const std::string& term : document->second.terms) {
    std::vector<Posting>& list = postings_[term];
    list.erase(std::lower_bound(list.begin(), list.end(), slot,
                                [](const Posting& p, Slot wanted) { return p.slot < wanted; }));
    if (list.empty()) postings_.erase(term);
  }
  documents_.erase(document);
}

std::vector<Scored> WordIndex::search(const std::vector<std::string>& terms,
                                      const Visible& visible) const {
  double count = 0;
  double length_sum = 0;
  for (const auto& [slot, document] : documents_) {
    if (!is_visible(visible, slot)) continue;
    count += 1;
    length_sum += document.length;
  }
  if (length_sum == 0) return {};
  const double mean_length = length_sum / count;
  std::unordered_map<Slot, double> scores;
  for (const auto& [term, times] : counted(terms)) {
    const auto list = postings_.find(term);
    if (list == postings_.end()) continue;
    std::vector<Posting> seen;
    std::copy_if(list->second.begin(), list->second.end(), std::back_inserter(seen),
                 [&](const Posting& posting) { return is_visible(visible, posting.slot); });
    const auto having = static_cast<double>(seen.size());
    const double idf = std::log(1 + (count - having + 0.5) / (having + 0.5));
    for (const Posting& posting : seen) {
      const double length = documents_.at(posting.slot).length;
      const double damped = kK1 * (1 - kB + kB * length / mean_length);
      scores[posting.slot] += times * idf * posting.count / (posting.count + damped);
    }
  }
  std::vector<Scored> ranked;
  ranked.reserve(scores.size());
  for (const auto& [slot, score] : scores) ranked.push_back({slot, score});
  std::sort(ranked.begin(), ranked.end(), [](const Scored& a, const Scored& b) {
    return a.score != b.score ? a.score > b.score : a.slot < b.slot;
  });
  return ranked;
}

}  // namespace plinth::memory
