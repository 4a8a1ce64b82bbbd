// SPDX-License-Identifier: Apache-2.0
// What rows of a batch take over from the tokens before them: queries against the keys of their own
// sequences, and the values mixed by the scores.
//
// Rows of one sequence that stand together form tiles, which load each chunk of keys and values
// once for all their heads that share it. A row's result follows from its position alone: chunks
// and spans begin at fixed positions, a row goes through its chunks in order, and the spans of 512
// positions are computed apart and then added up in order, whether one thread does so or several.
#pragma once

#include <span>
#include <vector>

#include "engine/cpu/build_context.h"
#include "engine/cpu/host_kv.h"
#include "engine/models/decoder_plan.h"

namespace plinth::engine::cpu {

class LookBack {
 public:
  // All references outlive it.
  LookBack(const HeadShape& shape, const kernels::KernelTable& kernels, kernels::ThreadPool& pool);

  // The keys and values of all rows are in place in `kv`. queries:
  // [rows][heads][key_length]; mixed: [rows][heads][value_length].
  void run(const AttentionPlan& layer, int64_t index, const HostKv& kv,
           std::span<const BatchRow> batch, const float* queries, float* mixed);

  // At most, for sequences of `context` tokens: the states of spans, and what each thread has for a
  // tile.
  static uint64_t buffer_bytes_max(const HeadShape& shape, int64_t context, int threads);

 private:
  // Consecutive positions of one sequence, at consecutive rows of the batch.
  struct Tile {
    int64_t row = 0;
    int64_t rows = 0;
    int64_t position = 0;  // of the first row
    const KvSequence* sequence = nullptr;
  };
  // One layer's work on one batch.
  struct Pass {
    const AttentionPlan& layer;
    int64_t index;
    const HostKv& kv;
    const float* queries;
    float* mixed;
    std::vector<Tile> tiles;
  };
  // Of a tile's rows and the heads that share one head's keys and values: [rows][group].
  struct State {
    std::vector<float> largest, sums, mixed;
    void reset(int64_t count, int64_t stride);
  };
  struct Scratch;

  static std::vector<Tile> tiles_of(std::span<const BatchRow> batch);
  int64_t group() const { return shape_.heads / shape_.kv_heads; }
  int64_t products_of(const Pass& pass) const;
  void run_whole(const Pass& pass, const Tile& tile, int64_t head) const;
  void run_split(const Pass& pass);
  void gather_queries(const Pass& pass, const Tile& tile, int64_t head, Scratch& scratch) const;
  void look_at_span(const Pass& pass, const Tile& tile, int64_t head, int64_t span,
                    Scratch& scratch, State& state) const;
  void look_at_chunk(const Pass& pass, const Tile& tile, int64_t head, int64_t chunk,
                     Scratch& scratch, State& state) const;
  void add_span(const State& span, State& total) const;
  void finish(const Pass& pass, const Tile& tile, int64_t head, State& total) const;

  const HeadShape& shape_;
  const kernels::KernelTable& kernels_;
  kernels::ThreadPool& pool_;
  const int64_t stride_;      // floats of a row's mixed values
  std::vector<State> spans_;  // of run_split
};

}  // namespace plinth::engine::cpu
