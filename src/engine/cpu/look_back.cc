// SPDX-License-Identifier: Apache-2.0
#include "engine/cpu/look_back.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace plinth::engine::cpu {

using kernels::kChunkTokens;

namespace {

constexpr int64_t kTileRows = 16;
constexpr int64_t kSpanTokens = 8 * kChunkTokens;
// Batches of more rows have tasks enough without splitting.
constexpr int64_t kSplitRowsMax = 8;
constexpr float kNothing = -std::numeric_limits<float>::infinity();

// The first position that the token at `position` sees.
int64_t first_seen(int64_t window, int64_t position) {
  return window == 0 ? 0 : std::max(int64_t{0}, position - window + 1);
}

}  // namespace

void LookBack::State::reset(int64_t count, int64_t stride) {
  largest.assign(static_cast<size_t>(count), kNothing);
  sums.assign(static_cast<size_t>(count), 0);
  mixed.assign(static_cast<size_t>(count * stride), 0);
}

// One per thread, as large as its largest tile so far.
struct LookBack::Scratch {
  std::vector<float> queries, widened;
  std::vector<int32_t> begin, end;
  State span, total;

  // Room for `floats` that begins at a cache line: most loads of a chunk come from here.
  float* widen(int64_t floats) {
    constexpr size_t kLineFloats = 16;
    widened.resize(static_cast<size_t>(floats) + kLineFloats);
    const auto past = reinterpret_cast<uintptr_t>(widened.data()) / sizeof(float) % kLineFloats;
    return widened.data() + (kLineFloats - past) % kLineFloats;
  }

  static Scratch& of_this_thread() {
    thread_local Scratch scratch;
    return scratch;
  }
};

LookBack::LookBack(const HeadShape& shape, const kernels::KernelTable& kernels,
                   kernels::ThreadPool& pool)
    : shape_(shape),
      kernels_(kernels),
      pool_(pool),
      stride_(kernels::attention_stride(shape.value_length)) {}

uint64_t LookBack::buffer_bytes_max(const HeadShape& shape, int64_t context, int threads) {
  const int64_t stride = kernels::attention_stride(shape.value_length);
  const int64_t spans =
      threads > 1 ? kSplitRowsMax * shape.heads * (context / kSpanTokens + 1) * (2 + stride) : 0;
  const int64_t rows = kTileRows * (shape.heads / shape.kv_heads);
  const int64_t tile = rows * (shape.key_length + 2 * (2 + stride) + 2) +
                       kernels::attention_scratch(shape.key_length, shape.value_length);
  return static_cast<uint64_t>(spans + threads * tile) * sizeof(float);
}

void LookBack::run(const AttentionPlan& layer, int64_t index, const HostKv& kv,
                   std::span<const BatchRow> batch, const float* queries, float* mixed) {
  // Below this many products a second thread costs more than it saves.
  constexpr int64_t kProductsPerPieceMin = 64 << 10;
  const Pass pass{layer, index, kv, queries, mixed, tiles_of(batch)};
  const int64_t tasks = static_cast<int64_t>(pass.tiles.size()) * shape_.kv_heads;
  const int64_t products = std::max(int64_t{1}, products_of(pass));
  if (tasks < 2 * pool_.threads() && pool_.threads() > 1 &&
      static_cast<int64_t>(batch.size()) <= kSplitRowsMax && products > 2 * kProductsPerPieceMin) {
    return run_split(pass);
  }
  const int64_t piece = std::max(int64_t{1}, kProductsPerPieceMin * tasks / products);
  pool_.run(tasks, piece, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      run_whole(pass, pass.tiles[static_cast<size_t>(task / shape_.kv_heads)],
                task % shape_.kv_heads);
    }
  });
}

std::vector<LookBack::Tile> LookBack::tiles_of(std::span<const BatchRow> batch) {
  std::vector<Tile> tiles;
  for (size_t i = 0; i < batch.size(); ++i) {
    const BatchRow& row = batch[i];
    if (!tiles.empty()) {
      Tile& last = tiles.back();
      const bool goes_on = last.sequence == row.sequence &&
                           last.position + last.rows == row.position && last.rows < kTileRows;
      if (goes_on) {
        ++last.rows;
        continue;
      }
    }
    tiles.push_back({static_cast<int64_t>(i), 1, row.position, row.sequence});
  }
  return tiles;
}

int64_t LookBack::products_of(const Pass& pass) const {
  int64_t seen = 0;
  for (const Tile& tile : pass.tiles) {
    const int64_t last = tile.position + tile.rows - 1;
    seen += tile.rows * (last + 1 - first_seen(pass.layer.window, last));
  }
  return seen * shape_.heads * (shape_.key_length + shape_.value_length);
}

void LookBack::run_whole(const Pass& pass, const Tile& tile, int64_t head) const {
  Scratch& scratch = Scratch::of_this_thread();
  gather_queries(pass, tile, head, scratch);
  scratch.total.reset(tile.rows * group(), stride_);
  const int64_t first = first_seen(pass.layer.window, tile.position) / kSpanTokens;
  const int64_t last = (tile.position + tile.rows - 1) / kSpanTokens;
  for (int64_t span = first; span <= last; ++span) {
    look_at_span(pass, tile, head, span, scratch, scratch.span);
    add_span(scratch.span, scratch.total);
  }
  finish(pass, tile, head, scratch.total);
}

// Spans are shared among threads, each with a state of its own.
void LookBack::run_split(const Pass& pass) {
  struct Task {
    const Tile* tile;
    int64_t head;
    int64_t span;
  };
  std::vector<Task> tasks;
  for (const Tile& tile : pass.tiles) {
    const int64_t first = first_seen(pass.layer.window, tile.position) / kSpanTokens;
    const int64_t last = (tile.position + tile.rows - 1) / kSpanTokens;
    for (int64_t head = 0; head < shape_.kv_heads; ++head) {
      for (int64_t span = first; span <= last; ++span) tasks.push_back({&tile, head, span});
    }
  }
  if (spans_.size() < tasks.size()) spans_.resize(tasks.size());
  pool_.run(static_cast<int64_t>(tasks.size()), 1, [&](int64_t begin, int64_t end) {
    Scratch& scratch = Scratch::of_this_thread();
    for (int64_t i = begin; i < end; ++i) {
      const Task& task = tasks[static_cast<size_t>(i)];
      gather_queries(pass, *task.tile, task.head, scratch);
      look_at_span(pass, *task.tile, task.head, task.span, scratch, spans_[static_cast<size_t>(i)]);
    }
  });
  State& total = Scratch::of_this_thread().total;
  for (size_t i = 0; i < tasks.size();) {
    const Task& task = tasks[i];
    total.reset(task.tile->rows * group(), stride_);
    for (; i < tasks.size() && tasks[i].tile == task.tile && tasks[i].head == task.head; ++i) {
      add_span(spans_[i], total);
    }
    finish(pass, *task.tile, task.head, total);
  }
}

void LookBack::gather_queries(const Pass& pass, const Tile& tile, int64_t head,
                              Scratch& scratch) const {
  const int64_t length = group() * shape_.key_length;  // of the heads that share `head`
  scratch.queries.resize(static_cast<size_t>(tile.rows * length));
  for (int64_t row = 0; row < tile.rows; ++row) {
    std::copy_n(pass.queries + ((tile.row + row) * shape_.kv_heads + head) * length, length,
                scratch.queries.data() + row * length);
  }
}

void LookBack::look_at_span(const Pass& pass, const Tile& tile, int64_t head, int64_t span,
                            Scratch& scratch, State& state) const {
  state.reset(tile.rows * group(), stride_);
  const int64_t begin = std::max(span * kSpanTokens, first_seen(pass.layer.window, tile.position));
  const int64_t end = std::min((span + 1) * kSpanTokens, tile.position + tile.rows);
  for (int64_t chunk = begin / kChunkTokens; chunk * kChunkTokens < end; ++chunk) {
    look_at_chunk(pass, tile, head, chunk, scratch, state);
  }
}

void LookBack::look_at_chunk(const Pass& pass, const Tile& tile, int64_t head, int64_t chunk,
                             Scratch& scratch, State& state) const {
  const int64_t chunk_begin = chunk * kChunkTokens;
  scratch.begin.clear();
  scratch.end.clear();
  // Rows that see none of it are the first ones, before it, and the last ones, whose window has
  // passed it.
  int64_t first_row = 0;
  int64_t seen_begin = kChunkTokens;
  int64_t seen_end = 0;
  for (int64_t row = 0; row < tile.rows; ++row) {
    const int64_t position = tile.position + row;
    const int64_t begin = first_seen(pass.layer.window, position) - chunk_begin;
    const int64_t end = std::min(kChunkTokens, position + 1 - chunk_begin);
    if (end <= 0) {
      ++first_row;
      continue;
    }
    if (begin >= kChunkTokens) break;
    const int64_t from = std::max(int64_t{0}, begin);
    seen_begin = std::min(seen_begin, from);
    seen_end = std::max(seen_end, end);
    scratch.begin.insert(scratch.begin.end(), static_cast<size_t>(group()),
                         static_cast<int32_t>(from));
    scratch.end.insert(scratch.end.end(), static_cast<size_t>(group()), static_cast<int32_t>(end));
  }
  kernels::AttentionChunk work;
  work.format = pass.kv.plan().shape.format;
  work.key_length = shape_.key_length;
  work.value_length = shape_.value_length;
  work.scale = shape_.scale;
  work.score_cap = shape_.score_cap;
  for (int64_t block = seen_begin / kBlockTokens; block * kBlockTokens < seen_end; ++block) {
    const int64_t index = chunk * kernels::kChunkBlocks + block;
    work.keys[block] = pass.kv.keys(*tile.sequence, pass.index, index, head);
    work.values[block] = pass.kv.values(*tile.sequence, pass.index, index, head);
  }
  const int64_t first = first_row * group();
  work.rows = static_cast<int64_t>(scratch.begin.size());
  work.queries = scratch.queries.data() + first * shape_.key_length;
  work.begin = scratch.begin.data();
  work.end = scratch.end.data();
  work.largest = state.largest.data() + first;
  work.sums = state.sums.data() + first;
  work.mixed = state.mixed.data() + first * stride_;
  work.scratch = scratch.widen(kernels::attention_scratch(shape_.key_length, shape_.value_length));
  kernels_.attend(work);
}

// total = total and span together, both brought to the larger of their largest scores.
void LookBack::add_span(const State& span, State& total) const {
  for (size_t row = 0; row < span.sums.size(); ++row) {
    if (span.largest[row] == kNothing && span.sums[row] == 0) continue;  // it sees none of it
    const float* from = span.mixed.data() + static_cast<int64_t>(row) * stride_;
    float* to = total.mixed.data() + static_cast<int64_t>(row) * stride_;
    if (total.largest[row] == kNothing && total.sums[row] == 0) {
      total.largest[row] = span.largest[row];
      total.sums[row] = span.sums[row];
      std::copy_n(from, stride_, to);
      continue;
    }
    const float largest = std::max(total.largest[row], span.largest[row]);
    const float total_share = std::exp(total.largest[row] - largest);
    const float span_share = std::exp(span.largest[row] - largest);
    total.largest[row] = largest;
    total.sums[row] = total.sums[row] * total_share + span.sums[row] * span_share;
    for (int64_t i = 0; i < stride_; ++i) to[i] = to[i] * total_share + from[i] * span_share;
  }
}

void LookBack::finish(const Pass& pass, const Tile& tile, int64_t head, State& total) const {
  for (int64_t row = 0; row < tile.rows; ++row) {
    for (int64_t i = 0; i < group(); ++i) {
      const int64_t query_head = head * group() + i;
      const auto place = static_cast<size_t>(row * group() + i);
      float sum = total.sums[place];
      float share = 1;
      if (!pass.layer.sinks.empty()) {
        // One more score, whose value is nothing.
        const float sink = pass.layer.sinks[static_cast<size_t>(query_head)];
        const float largest = std::max(total.largest[place], sink);
        share = std::exp(total.largest[place] - largest);
        sum = sum * share + std::exp(sink - largest);
      }
      const float scale = share / sum;
      const float* from = total.mixed.data() + static_cast<int64_t>(place) * stride_;
      float* out =
          pass.mixed + ((tile.row + row) * shape_.heads + query_head) * shape_.value_length;
      for (int64_t d = 0; d < shape_.value_length; ++d) out[d] = from[d] * scale;
    }
  }
}

}  // namespace plinth::engine::cpu
