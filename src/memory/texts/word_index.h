// SPDX-License-Identifier: Apache-2.0
// An inverted index scored with BM25, changed record by record.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace plinth::memory {

using Slot = uint32_t;  // a record's number in one space, counting up, never reused

struct Scored {
  Slot slot = 0;
  double score = 0;
};

// Which slots a caller may see, by slot. Statistics are taken over the visible records alone, so
// that a score tells nothing about records the caller may not read.
using Visible = std::vector<bool>;

// BM25 after Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond"
// (2009), in the form of Lucene 8 and later: sum over query terms of idf * tf / (tf + k1 * (1 - b +
// b * length / mean length)), idf = ln(1 + (N - n + 0.5) / (n + 0.5)). k1 and b are Anserini's
// defaults.
class WordIndex {
 public:
  static constexpr double kK1 = 0.9;
  static constexpr double kB = 0.4;

  void add(Slot slot, const std::vector<std::string>& terms);  // each slot once, in rising order
  void remove(Slot slot);                                      // no effect on an unknown slot
  // Visible records that hold at least one of the terms, best first; equal scores by slot.
  std::vector<Scored> search(const std::vector<std::string>& terms, const Visible& visible) const;
  size_t size() const { return documents_.size(); }

 private:
  struct Posting {
    Slot slot = 0;
    uint32_t count = 0;
  };
  struct Document {
    std::vector<std::string> terms;  // distinct
    uint32_t length = 0;
  };
  std::unordered_map<std::string, std::vector<Posting>> postings_;  // by slot
  std::unordered_map<Slot, Document> documents_;
};

}  // namespace plinth::memory
