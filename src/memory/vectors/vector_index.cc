// SPDX-License-Identifier: Apache-2.0
// The exact scan. A removed row is filled with the last one, so that rows stay dense.
#include "memory/vectors/vector_index.h"

#include <algorithm>

#include "base/check.h"

namespace plinth::memory {

double dot(std::span<const float> a, std::span<const float> b) {
  CHECK(a.size() == b.size());
  const float* x = a.data();
  const float* y = b.data();
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(x[i]) * y[i];
  return sum;
}

void VectorIndex::add(Slot slot, std::span<const float> vector) {
  CHECK(vector.size() == dimensions_);
  rows_[slot] = slots_.size();
  slots_.push_back(slot);
  values_.insert(values_.end(), vector.begin(), vector.end());
}

void VectorIndex::remove(Slot slot) {
  const auto found = rows_.find(slot);
  if (found == rows_.end()) return;
  const size_t hole = found->second;
  const size_t last = slots_.size() - 1;
  if (hole != last) {
    std::copy_n(values_.begin() + static_cast<ptrdiff_t>(last * dimensions_), dimensions_,
                values_.begin() + static_cast<ptrdiff_t>(hole * dimensions_));
    slots_[hole] = slots_[last];
    rows_[slots_[hole]] = hole;
  }
  values_.resize(last * dimensions_);
  slots_.pop_back();
  rows_.erase(found);
}

std::vector<Scored> VectorIndex::search(std::span<const float> query, const Visible& visible,
                                        double score_min) const {
  CHECK(query.size() == dimensions_);
  std::vector<Scored> ranked;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot slot = slots_[i];
    if (slot >= visible.size() || !visible[slot]) continue;
    const double score = dot(query, row(i));
    if (score >= score_min) ranked.push_back({slot, score});
  }
  std::sort(ranked.begin(), ranked.end(), [](const Scored& a, const Scored& b) {
    return a.score != b.score ? a.score > b.score : a.slot < b.slot;
  });
  return ranked;
}

}  // namespace plinth::memory
