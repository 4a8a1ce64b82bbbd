// SPDX-License-Identifier: Apache-2.0
// Recall in one space: the two rankings, by meaning and by word, and their fusion.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "memory/memory.h"
#include "memory/records/space_state.h"

namespace plinth::memory {

// A cosine below this is no evidence. Two unrelated texts' lexical vectors meet at about 0 with a
// deviation of 1/sqrt(1024) = 0.03; this is five of them.
inline constexpr double kVectorScoreMin = 0.15;

// Fusion is a convex combination: weight * cosine + (1 - weight) * BM25 / best BM25 of this query,
// so a score lies in 0..1. It keeps how much better a match is, which ranks alone lose: Bruch, Gai
// and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval" (ACM TOIS 2023). With the
// lexical embedder, BM25 alone, this, and reciprocal rank fusion (k = 60) reach nDCG@10 of .500,
// .505, .474 on Cranfield and recall@10 of .589, .591, .484 on turns of LoCoMo.
inline constexpr double kVectorWeight = 0.3;

struct Ranking {
  std::vector<Scored> by_vector;  // best first
  std::vector<Scored> by_word;
};

struct Fused {
  Slot slot = 0;
  double score = 0;
  double vector_score = 0;
  double word_score = 0;
};

// Every slot of either list, best first; equal scores by slot.
std::vector<Fused> fuse(const Ranking& ranking);

// Records visible to the principal with positive evidence, best first; exactly min(limit, matching)
// of them.
std::vector<Recalled> recall_in(const SpaceState& space, const std::string& principal,
                                const std::string& query, std::span<const float> query_vector,
                                size_t limit);

}  // namespace plinth::memory
