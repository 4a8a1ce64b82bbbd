// SPDX-License-Identifier: Apache-2.0
// Unit vectors, compared one by one: exact, with no index to tune or to go stale. A space is
// bounded, so a scan is too.
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "memory/texts/word_index.h"

namespace plinth::memory {

inline constexpr size_t kDimensionsMax = 4096;

// Cosine of two unit vectors of equal length.
double dot(std::span<const float> a, std::span<const float> b);

class VectorIndex {
 public:
  explicit VectorIndex(size_t dimensions) : dimensions_(dimensions) {}
  size_t dimensions() const { return dimensions_; }
  void add(Slot slot, std::span<const float> vector);  // each slot once; CHECKs the length
  void remove(Slot slot);                              // no effect on an unknown slot
  // Visible records with a cosine of at least `score_min`, best first; equal scores by slot.
  std::vector<Scored> search(std::span<const float> query, const Visible& visible,
                             double score_min) const;

 private:
  std::span<const float> row(size_t index) const {
    return std::span(values_).subspan(index * dimensions_, dimensions_);
  }

  const size_t dimensions_;
  std::vector<float> values_;  // rows of `dimensions_` each
  std::vector<Slot> slots_;    // of each row
  std::unordered_map<Slot, size_t> rows_;
};

}  // namespace plinth::memory
