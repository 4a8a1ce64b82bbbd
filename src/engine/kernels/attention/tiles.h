// SPDX-License-Identifier: Apache-2.0
// The algorithm of attention.h over the vectors of an ISA level. Included by that level's file
// alone, and instantiated with types that are local to it: no copy of it reaches other code.
//
// An Isa has: Vector, kLanes (divides 16), kWideBlocks (blocks whose scores fit in registers for
// several rows), kMixVectors (the same for values), zero, fill, load, store, add, multiply,
// multiply_add, larger, exponential, soft_cap, keep (lanes of a range), sum_of, largest_of, first,
// widen_halves, widen_bytes, widen_nibbles (of 16 codes at a lane offset), half.
//
// Tiles and what goes on between them are functions of their own on purpose: put together, the
// compiler runs out of registers for addresses and spills vectors.
#pragma once

#include "engine/kernels/attention/attention.h"

namespace plinth::engine::kernels {

// Widened keys of a block: load(i, v) holds value i of tokens v * kLanes and on.

template <typename Isa>
struct KeysF32 {
  const float* keys = nullptr;
  KeysF32() = default;
  explicit KeysF32(const uint8_t* block) : keys(reinterpret_cast<const float*>(block)) {}
  void begin_group(int64_t) {}
  typename Isa::Vector load(int64_t i, int v) const {
    return Isa::load(keys + i * kBlockTokens + v * Isa::kLanes);
  }
};

template <typename Isa>
struct KeysF16 {
  const uint8_t* keys = nullptr;
  KeysF16() = default;
  explicit KeysF16(const uint8_t* block) : keys(block) {}
  void begin_group(int64_t) {}
  typename Isa::Vector load(int64_t i, int v) const {
    return Isa::widen_halves(keys + (i * kBlockTokens + v * Isa::kLanes) * 2);
  }
};

// kIsNibbles: two values of a token in each byte.
template <typename Isa, bool kIsNibbles>
struct KeysScaled {
  static constexpr int64_t kRows = kIsNibbles ? kKvGroup / 2 : kKvGroup;
  static constexpr int64_t kGroupBytes = kBlockTokens * (2 + kRows);
  const uint8_t* groups = nullptr;
  const uint8_t* codes = nullptr;
  typename Isa::Vector scales[kBlockTokens / Isa::kLanes];
  KeysScaled() = default;
  explicit KeysScaled(const uint8_t* block) : groups(block) {}
  void begin_group(int64_t group) {
    const uint8_t* bytes = groups + group * kGroupBytes;
    codes = bytes + kBlockTokens * 2;
    for (int v = 0; v < kBlockTokens / Isa::kLanes; ++v) {
      scales[v] = Isa::widen_halves(bytes + v * Isa::kLanes * 2);
    }
  }
  typename Isa::Vector load(int64_t i, int v) const {
    const uint8_t* row = codes + i % kRows * kBlockTokens + v * Isa::kLanes;
    if constexpr (kIsNibbles) {
      return Isa::multiply(scales[v], Isa::widen_nibbles(row, i % kKvGroup >= kRows));
    } else {
      return Isa::multiply(scales[v], Isa::widen_bytes(row));
    }
  }
};

// Widened values of a block: load(token, d) holds values d and on, d being a multiple of kLanes.

template <typename Isa>
struct ValuesF32 {
  const float* values;
  int64_t stride;
  ValuesF32(const uint8_t* block, int64_t length)
      : values(reinterpret_cast<const float*>(block)), stride((length + 15) / 16 * 16) {}
  typename Isa::Vector load(int64_t token, int64_t d) const {
    return Isa::load(values + token * stride + d);
  }
};

template <typename Isa>
struct ValuesF16 {
  const uint8_t* values;
  int64_t stride;
  ValuesF16(const uint8_t* block, int64_t length)
      : values(block), stride((length + 15) / 16 * 16) {}
  typename Isa::Vector load(int64_t token, int64_t d) const {
    return Isa::widen_halves(values + (token * stride + d) * 2);
  }
};

template <typename Isa, bool kIsNibbles>
struct ValuesScaled {
  static constexpr int64_t kCodeBytes = kIsNibbles ? kKvGroup / 2 : kKvGroup;
  static constexpr int64_t kGroupBytes = 2 + kCodeBytes;
  const uint8_t* values;
  int64_t token_bytes;
  ValuesScaled(const uint8_t* block, int64_t length)
      : values(block), token_bytes((length + kKvGroup - 1) / kKvGroup * kGroupBytes) {}
  typename Isa::Vector load(int64_t token, int64_t d) const {
    const uint8_t* group = values + token * token_bytes + d / kKvGroup * kGroupBytes;
    const typename Isa::Vector scale = Isa::fill(Isa::half(group));
    const uint8_t* codes = group + 2 + d % kCodeBytes;
    if constexpr (kIsNibbles) {
      return Isa::multiply(scale, Isa::widen_nibbles(codes, d % kKvGroup >= kCodeBytes));
    } else {
      return Isa::multiply(scale, Isa::widen_bytes(codes));
    }
  }
};

// scores[row][token] of kRows rows from `row` on and kBlocks blocks from `block` on.
template <typename Isa, typename Keys, int kRows, int kBlocks>
[[gnu::noinline]] void score_tile(const AttentionChunk& chunk, int64_t row, int block,
                                  float* scores) {
  constexpr int kVectors = kBlockTokens / Isa::kLanes;
  typename Isa::Vector sums[kRows][kBlocks][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int b = 0; b < kBlocks; ++b) {
      for (int v = 0; v < kVectors; ++v) sums[r][b][v] = Isa::zero();
    }
  }
  Keys keys[kBlocks];
  for (int b = 0; b < kBlocks; ++b) keys[b] = Keys(chunk.keys[block + b]);
  const float* query = chunk.queries + row * chunk.key_length;
  for (int64_t first = 0; first < chunk.key_length; first += kKvGroup) {
    for (int b = 0; b < kBlocks; ++b) keys[b].begin_group(first / kKvGroup);
    const int64_t left = chunk.key_length - first;
    const int64_t end = first + (left < kKvGroup ? left : kKvGroup);
    for (int64_t i = first; i < end; ++i) {
      typename Isa::Vector wanted[kRows];
      for (int r = 0; r < kRows; ++r) wanted[r] = Isa::fill(query[r * chunk.key_length + i]);
      for (int b = 0; b < kBlocks; ++b) {
        for (int v = 0; v < kVectors; ++v) {
          const typename Isa::Vector key = keys[b].load(i, v);
          for (int r = 0; r < kRows; ++r) {
            sums[r][b][v] = Isa::multiply_add(wanted[r], key, sums[r][b][v]);
          }
        }
      }
    }
  }
  const typename Isa::Vector scale = Isa::fill(chunk.scale);
  for (int r = 0; r < kRows; ++r) {
    for (int b = 0; b < kBlocks; ++b) {
      for (int v = 0; v < kVectors; ++v) {
        Isa::store(scores + r * kChunkTokens + (block + b) * kBlockTokens + v * Isa::kLanes,
                   Isa::multiply(scale, sums[r][b][v]));
      }
    }
  }
}

template <typename Isa, typename Keys, int kRows>
void score_rows(const AttentionChunk& chunk, int64_t row, float* scores) {
  constexpr int kTogether = kRows == 1 ? static_cast<int>(kChunkBlocks) : Isa::kWideBlocks;
  bool are_all_there = true;
  for (const uint8_t* keys : chunk.keys) are_all_there = are_all_there && keys != nullptr;
  if (are_all_there) {
    for (int block = 0; block < kChunkBlocks; block += kTogether) {
      score_tile<Isa, Keys, kRows, kTogether>(chunk, row, block, scores);
    }
    return;
  }
  for (int block = 0; block < kChunkBlocks; ++block) {
    if (chunk.keys[block]) {
      score_tile<Isa, Keys, kRows, 1>(chunk, row, block, scores);
      continue;
    }
    for (int r = 0; r < kRows; ++r) {
      float* absent = scores + r * kChunkTokens + block * kBlockTokens;
      for (int64_t i = 0; i < kBlockTokens; ++i) absent[i] = 0;  // nobody sees it
    }
  }
}

// Turns the scores of kRows rows into weights, 0 outside a row's range, and brings the rows' states
// up to date. corrections: what their mixed values are to be multiplied with. Step by step for all
// rows, because one row's steps wait for each other.
template <typename Isa, int kRows>
[[gnu::noinline]] void weigh_rows(const AttentionChunk& chunk, int64_t row, float* scores,
                                  float* corrections) {
  using Vector = typename Isa::Vector;
  const Vector lowest = Isa::fill(-__builtin_inff());
  Vector top[kRows];
  for (int r = 0; r < kRows; ++r) {
    top[r] = lowest;
    for (int i = 0; i < kChunkTokens; i += Isa::kLanes) {
      float* place = scores + r * kChunkTokens + i;
      Vector score = Isa::load(place);
      if (chunk.score_cap > 0) score = Isa::soft_cap(score, chunk.score_cap);
      score = Isa::keep(score, chunk.begin[row + r] - i, chunk.end[row + r] - i, lowest);
      Isa::store(place, score);
      top[r] = Isa::larger(score, top[r]);
    }
  }
  Vector shift[kRows];
  for (int r = 0; r < kRows; ++r) {
    const float before = chunk.largest[row + r];
    const float found = Isa::largest_of(top[r]);
    const float largest = found > before ? found : before;
    // exp(0) is 1 exactly, and mostly it is that.
    corrections[r] = 1;
    if (found > before) corrections[r] = Isa::first(Isa::exponential(Isa::fill(before - largest)));
    chunk.largest[row + r] = largest;
    shift[r] = Isa::fill(-largest);
  }
  Vector sum[kRows];
  for (int r = 0; r < kRows; ++r) sum[r] = Isa::zero();
  for (int i = 0; i < kChunkTokens; i += Isa::kLanes) {
    for (int r = 0; r < kRows; ++r) {
      float* place = scores + r * kChunkTokens + i;
      const Vector weight = Isa::exponential(Isa::add(Isa::load(place), shift[r]));
      Isa::store(place, weight);
      sum[r] = Isa::add(sum[r], weight);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    float& sums = chunk.sums[row + r];
    sums = sums * corrections[r] + Isa::sum_of(sum[r]);
  }
}

// One token's values, kVectors vectors from d on, times its weight of each of kRows rows.
template <typename Isa, typename Values, int kRows, int kVectors>
[[gnu::always_inline]] inline void mix_token(const Values& values, int64_t token, int64_t d,
                                             const float* weights,
                                             typename Isa::Vector (&sums)[kRows][kVectors]) {
  typename Isa::Vector value[kVectors];
  for (int v = 0; v < kVectors; ++v) value[v] = values.load(token, d + v * Isa::kLanes);
  for (int r = 0; r < kRows; ++r) {
    const typename Isa::Vector weight = Isa::fill(weights[r * kChunkTokens]);
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] = Isa::multiply_add(weight, value[v], sums[r][v]);
    }
  }
}

// Mixes kVectors vectors of values from d on into kRows rows that see the same tokens.
template <typename Isa, typename Values, int kRows, int kVectors>
[[gnu::noinline]] void mix_tile(const AttentionChunk& chunk, int64_t row, int64_t d,
                                const float* weights, const float* corrections) {
  const int64_t stride = (chunk.value_length + 15) / 16 * 16;
  float* mixed = chunk.mixed + row * stride + d;
  typename Isa::Vector sums[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] =
          Isa::multiply(Isa::load(mixed + r * stride + v * Isa::kLanes), Isa::fill(corrections[r]));
    }
  }
  for (int64_t token = chunk.begin[row]; token < chunk.end[row];) {
    const int64_t block = token / kBlockTokens;
    const int64_t first = block * kBlockTokens;
    const Values values(chunk.values[block], chunk.value_length);
    const int64_t left = chunk.end[row] - first;
    const int64_t end = left < kBlockTokens ? left : kBlockTokens;
    for (int64_t i = token - first; i < end; ++i) {
      mix_token<Isa, Values, kRows, kVectors>(values, i, d, weights + first + i, sums);
    }
    token = first + end;
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      Isa::store(mixed + r * stride + v * Isa::kLanes, sums[r][v]);
    }
  }
}

template <typename Isa, typename Values, int kRows>
void mix_rows(const AttentionChunk& chunk, int64_t row, const float* weights,
              const float* corrections) {
  constexpr int kVectors = kRows == 1 ? 4 : Isa::kMixVectors;
  const int64_t stride = (chunk.value_length + 15) / 16 * 16;
  int64_t d = 0;
  for (; d + kVectors * Isa::kLanes <= stride; d += kVectors * Isa::kLanes) {
    mix_tile<Isa, Values, kRows, kVectors>(chunk, row, d, weights, corrections);
  }
  for (; d < stride; d += Isa::kLanes) {
    mix_tile<Isa, Values, kRows, 1>(chunk, row, d, weights, corrections);
  }
}

template <typename Isa, typename Keys, typename Values, int kRows>
void attend_rows(const AttentionChunk& chunk, int64_t row) {
  alignas(64) float weights[kRows * kChunkTokens];
  float corrections[kRows];
  score_rows<Isa, Keys, kRows>(chunk, row, weights);
  weigh_rows<Isa, kRows>(chunk, row, weights, corrections);
  bool is_same_range = true;
  for (int r = 1; r < kRows; ++r) {
    is_same_range = is_same_range && chunk.begin[row + r] == chunk.begin[row] &&
                    chunk.end[row + r] == chunk.end[row];
  }
  if (is_same_range) return mix_rows<Isa, Values, kRows>(chunk, row, weights, corrections);
  for (int r = 0; r < kRows; ++r) {
    mix_rows<Isa, Values, 1>(chunk, row + r, weights + r * kChunkTokens, corrections + r);
  }
}

// Up to four rows that see the same tokens; where a row sees others than the next one, up to four
// of any kind.
template <typename Isa>
int64_t rows_together(const AttentionChunk& chunk, int64_t row) {
  const int64_t left = chunk.rows - row < 4 ? chunk.rows - row : 4;
  int64_t same = 1;
  while (same < left && chunk.begin[row + same] == chunk.begin[row] &&
         chunk.end[row + same] == chunk.end[row]) {
    ++same;
  }
  return same == 1 ? left : same;
}

template <typename Isa, typename Keys, typename Values>
void attend_all(const AttentionChunk& chunk) {
  for (int64_t row = 0; row < chunk.rows;) {
    const int64_t rows = rows_together<Isa>(chunk, row);
    switch (rows) {
      case 4:
        attend_rows<Isa, Keys, Values, 4>(chunk, row);
        break;
      case 3:
        attend_rows<Isa, Keys, Values, 3>(chunk, row);
        break;
      case 2:
        attend_rows<Isa, Keys, Values, 2>(chunk, row);
        break;
      default:
        attend_rows<Isa, Keys, Values, 1>(chunk, row);
    }
    row += rows;
  }
}

// Many rows: the chunk is widened once, exactly, and looked at as F32.
template <typename Isa, typename Keys, typename Values>
void attend_widened(const AttentionChunk& chunk) {
  AttentionChunk widened = chunk;
  widened.format = KvFormat::f32;
  const int64_t stride = (chunk.value_length + 15) / 16 * 16;
  float* out = chunk.scratch;
  for (int block = 0; block < kChunkBlocks; ++block) {
    if (!chunk.keys[block]) continue;
    Keys keys(chunk.keys[block]);
    widened.keys[block] = reinterpret_cast<const uint8_t*>(out);
    for (int64_t i = 0; i < chunk.key_length; ++i, out += kBlockTokens) {
      if (i % kKvGroup == 0) keys.begin_group(i / kKvGroup);
      for (int v = 0; v < kBlockTokens / Isa::kLanes; ++v) {
        Isa::store(out + v * Isa::kLanes, keys.load(i, v));
      }
    }
    const Values values(chunk.values[block], chunk.value_length);
    widened.values[block] = reinterpret_cast<const uint8_t*>(out);
    for (int64_t token = 0; token < kBlockTokens; ++token, out += stride) {
      for (int64_t d = 0; d < stride; d += Isa::kLanes) {
        Isa::store(out + d, values.load(token, d));
      }
    }
  }
  attend_all<Isa, KeysF32<Isa>, ValuesF32<Isa>>(widened);
}

template <typename Isa, typename Keys, typename Values>
void attend_stored(const AttentionChunk& chunk) {
  constexpr int64_t kRowsWidened = 8;
  if (chunk.rows >= kRowsWidened) return attend_widened<Isa, Keys, Values>(chunk);
  attend_all<Isa, Keys, Values>(chunk);
}

template <typename Isa>
void attend_with(const AttentionChunk& chunk) {
  switch (chunk.format) {
    case KvFormat::f32:
      return attend_all<Isa, KeysF32<Isa>, ValuesF32<Isa>>(chunk);
    case KvFormat::f16:
      return attend_stored<Isa, KeysF16<Isa>, ValuesF16<Isa>>(chunk);
    case KvFormat::q8:
      return attend_stored<Isa, KeysScaled<Isa, false>, ValuesScaled<Isa, false>>(chunk);
    case KvFormat::q4:
      return attend_stored<Isa, KeysScaled<Isa, true>, ValuesScaled<Isa, true>>(chunk);
  }
}

}  // namespace plinth::engine::kernels
