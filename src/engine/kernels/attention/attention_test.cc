// SPDX-License-Identifier: Apache-2.0
// Every level's attention against the scalar reference, and what a row may not depend on. A score
// of n products is off by 2 * sqrt(n) + 8 units of rounding of the products' sizes, which sum
// to 1.5 n here on average; a weight is off by as much relative to itself, and by what its
// exponential costs.
#include "engine/kernels/attention/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/random.h"
#include "engine/kernels/kernels.h"

namespace plinth::engine::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int64_t kLengths[] = {2, 16, 24, 40, 64, 80, 128, 256};

std::vector<float> draw(SeededRandom& random, int64_t count, float scale = 1) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(random.uniform() * 2 - 1) * scale;
  return values;
}

template <typename Body>
void for_each_store(const Body& body) {
  const KvStoreTable table = kv_store_table();
  for (int i = 0; i < table.count; ++i) {
    SCOPED_TRACE(table.rows[i].name);
    body(table.rows[i]);
  }
}

template <typename Body>
void for_each_table(const Body& body) {
  const KernelTables found = available_kernels();
  for (int i = 0; i < found.count; ++i) {
    SCOPED_TRACE(found.tables[i]->name);
    body(*found.tables[i]);
  }
}

struct Range {
  int32_t begin, end;
};

struct State {
  std::vector<float> largest, sums, mixed;
  bool operator==(const State&) const = default;
};

// One chunk with keys and values of a head, as a format stores them.
class Chunk {
 public:
  Chunk(SeededRandom& random, const KvStore& store, int64_t key_length, int64_t value_length)
      : store_(store), key_length_(key_length), value_length_(value_length) {
    for (int64_t block = 0; block < kChunkBlocks; ++block) {
      keys_.emplace_back(static_cast<size_t>(store.key_bytes(key_length)));
      values_.emplace_back(static_cast<size_t>(store.value_bytes(value_length)));
    }
    for (int64_t token = 0; token < kChunkTokens; ++token) {
      put(token, draw(random, key_length, 2), draw(random, value_length));
    }
  }

  void put(int64_t token, const std::vector<float>& key, const std::vector<float>& value) {
    const auto block = static_cast<size_t>(token / kBlockTokens);
    const int64_t place = token % kBlockTokens;
    store_.store_key(key.data(), key_length_, place, keys_[block].data());
    store_.store_value(value.data(), value_length_, place, values_[block].data());
  }
  void set_cap(float cap) { cap_ = cap; }

  State fresh(size_t rows) const {
    return {std::vector<float>(rows, -kInfinity), std::vector<float>(rows),
            std::vector<float>(rows * static_cast<size_t>(attention_stride(value_length_)))};
  }

  // Blocks that no row sees are not there.
  State attend(const KernelTable& table, const std::vector<float>& queries,
               const std::vector<Range>& ranges, State state) const {
    AttentionChunk chunk;
    chunk.format = store_.format;
    chunk.key_length = key_length_;
    chunk.value_length = value_length_;
    chunk.scale = 1 / std::sqrt(static_cast<float>(key_length_));
    chunk.score_cap = cap_;
    std::vector<int32_t> begin;
    std::vector<int32_t> end;
    for (const Range& range : ranges) {
      begin.push_back(range.begin);
      end.push_back(range.end);
      for (int64_t block = range.begin / kBlockTokens; block * kBlockTokens < range.end; ++block) {
        chunk.keys[block] = keys_[static_cast<size_t>(block)].data();
        chunk.values[block] = values_[static_cast<size_t>(block)].data();
      }
    }
    std::vector<float> scratch(static_cast<size_t>(attention_scratch(key_length_, value_length_)));
    chunk.rows = static_cast<int64_t>(ranges.size());
    chunk.queries = queries.data();
    chunk.begin = begin.data();
    chunk.end = end.data();
    chunk.largest = state.largest.data();
    chunk.sums = state.sums.data();
    chunk.mixed = state.mixed.data();
    chunk.scratch = scratch.data();
    table.attend(chunk);
    return state;
  }

 private:
  const KvStore& store_;
  int64_t key_length_;
  int64_t value_length_;
  float cap_ = 0;
  std::vector<std::vector<uint8_t>> keys_, values_;
};

std::vector<Range> ranges_of(int64_t rows) {
  constexpr Range kRanges[] = {{0, 64},  {0, 64},  {0, 64}, {0, 64},  {3, 17}, {0, 1},
                               {63, 64}, {20, 64}, {0, 40}, {16, 32}, {0, 64}};
  return {kRanges, kRanges + rows};
}

double bound_of(int64_t key_length) {
  const double root = std::sqrt(static_cast<double>(key_length));
  return (2 * root + 8) * 0x1p-24 * 1.5 * root + 2e-6;
}

void expect_near(const State& found, const State& expected, double bound) {
  for (size_t i = 0; i < found.sums.size(); ++i) {
    EXPECT_NEAR(found.largest[i], expected.largest[i], bound);
    EXPECT_NEAR(found.sums[i], expected.sums[i], bound * expected.sums[i]);
  }
  for (size_t i = 0; i < found.mixed.size(); ++i) {
    const size_t row = i * found.sums.size() / found.mixed.size();
    EXPECT_NEAR(found.mixed[i], expected.mixed[i], bound * expected.sums[row]) << i;
  }
}

TEST(Attention, is_what_the_reference_finds_for_every_format_and_length) {
  SeededRandom random(41);
  for_each_store([&](const KvStore& store) {
    for (const int64_t length : kLengths) {
      SCOPED_TRACE(length);
      Chunk chunk(random, store, length, length);
      chunk.set_cap(length == 40 ? 1.5f : 0);
      for (const int64_t rows : {1, 3, 7, 11}) {
        const std::vector<float> queries = draw(random, rows * length, 3);
        const auto ranges = ranges_of(rows);
        const auto size = static_cast<size_t>(rows);
        // A second time, to see states brought up to date.
        const State once = chunk.attend(kScalarKernels, queries, ranges, chunk.fresh(size));
        const auto other = draw(random, rows * length, 3);
        const State twice = chunk.attend(kScalarKernels, other, ranges, once);
        for_each_table([&](const KernelTable& table) {
          expect_near(chunk.attend(table, queries, ranges, chunk.fresh(size)), once,
                      bound_of(length));
          expect_near(chunk.attend(table, other, ranges, once), twice, bound_of(length));
        });
      }
    }
  });
}

TEST(Attention, takes_keys_and_values_of_different_lengths) {
  SeededRandom random(42);
  for_each_store([&](const KvStore& store) {
    const Chunk chunk(random, store, 48, 72);
    const std::vector<float> queries = draw(random, 11 * 48, 3);
    const State expected = chunk.attend(kScalarKernels, queries, ranges_of(11), chunk.fresh(11));
    for_each_table([&](const KernelTable& table) {
      expect_near(chunk.attend(table, queries, ranges_of(11), chunk.fresh(11)), expected,
                  bound_of(48));
    });
  });
}

// What a row gets when it stands alone, out of what rows get together.
TEST(Attention, gives_a_row_the_same_bits_alone_and_beside_any_others) {
  SeededRandom random(43);
  for_each_store([&](const KvStore& store) {
    for (const int64_t length : {40, 64}) {
      const Chunk chunk(random, store, length, length);
      const auto stride = static_cast<size_t>(attention_stride(length));
      const std::vector<float> queries = draw(random, 11 * length, 3);
      const auto ranges = ranges_of(11);
      for_each_table([&](const KernelTable& table) {
        for (const size_t rows : {1u, 2u, 3u, 5u, 7u, 8u, 10u, 11u}) {
          const std::vector<Range> some(ranges.begin(), ranges.begin() + static_cast<long>(rows));
          const State all = chunk.attend(table, queries, some, chunk.fresh(rows));
          for (size_t row = 0; row < rows; ++row) {
            const auto begin = queries.begin() + static_cast<long>(row) * length;
            const State alone =
                chunk.attend(table, {begin, begin + length}, {ranges[row]}, chunk.fresh(1));
            EXPECT_EQ(alone.largest[0], all.largest[row]);
            EXPECT_EQ(alone.sums[0], all.sums[row]);
            EXPECT_EQ(std::memcmp(alone.mixed.data(), all.mixed.data() + row * stride,
                                  static_cast<size_t>(length) * sizeof(float)),
                      0)
                << row << " of " << rows;
          }
        }
      });
    }
  });
}

TEST(Attention, does_not_look_at_tokens_outside_a_rows_range) {
  SeededRandom random(44);
  for_each_store([&](const KvStore& store) {
    Chunk chunk(random, store, 64, 64);
    const std::vector<float> queries = draw(random, 64, 3);
    const std::vector<Range> range = {{5, 39}};
    for_each_table([&](const KernelTable& table) {
      const State before = chunk.attend(table, queries, range, chunk.fresh(1));
      for (const int64_t token : {0, 4, 39, 40, 63}) {
        const std::vector<float> nans(64, std::numeric_limits<float>::quiet_NaN());
        chunk.put(token, nans, nans);
      }
      EXPECT_EQ(chunk.attend(table, queries, range, chunk.fresh(1)), before);
      for (const int64_t token : {0, 4, 39, 40, 63}) {
        chunk.put(token, draw(random, 64), draw(random, 64));
      }
    });
  });
}

TEST(Attention, keeps_values_that_are_no_number_visible) {
  SeededRandom random(45);
  for_each_store([&](const KvStore& store) {
    for (const bool is_key : {true, false}) {
      Chunk chunk(random, store, 64, 64);
      std::vector<float> spoilt = draw(random, 64);
      spoilt[7] = std::numeric_limits<float>::quiet_NaN();
      chunk.put(20, is_key ? spoilt : draw(random, 64), is_key ? draw(random, 64) : spoilt);
      for_each_table([&](const KernelTable& table) {
        const State found = chunk.attend(table, draw(random, 64), {{0, 64}}, chunk.fresh(1));
        EXPECT_TRUE(std::isnan(found.mixed[7]));
      });
    }
  });
}

TEST(KvStore, holds_values_as_finely_as_its_format_says) {
  SeededRandom random(46);
  // Of the largest value of a group: half a step of each format, and the scale's own rounding. Q4's
  // codes reach from -8 to 7: at the other end a whole step is cut off.
  const double bounds[] = {0, 0x1p-11, 0.5 / 127 * 1.07, 1.0 / 8 * 1.01};
  for_each_store([&](const KvStore& store) {
    const double bound = bounds[static_cast<int>(store.format)];
    for (const int64_t length : kLengths) {
      std::vector<uint8_t> keys(static_cast<size_t>(store.key_bytes(length)));
      std::vector<uint8_t> values(static_cast<size_t>(store.value_bytes(length)));
      EXPECT_EQ(keys.size() % 64, 0u);
      EXPECT_EQ(values.size() % 64, 0u);
      std::vector<std::vector<float>> stored;
      for (int64_t token = 0; token < kBlockTokens; ++token) {
        stored.push_back(draw(random, length, 3));
        stored.back()[0] = 3;
        store.store_key(stored.back().data(), length, token, keys.data());
        store.store_value(stored.back().data(), length, token, values.data());
      }
      for (int64_t token = 0; token < kBlockTokens; ++token) {
        for (int64_t i = 0; i < length; ++i) {
          const float value = stored[static_cast<size_t>(token)][static_cast<size_t>(i)];
          EXPECT_NEAR(store.key_at(keys.data(), length, token, i), value, 3 * bound);
          EXPECT_NEAR(store.value_at(values.data(), length, token, i), value, 3 * bound);
        }
      }
    }
  });
}

TEST(KvStore, takes_the_bytes_its_format_says) {
  const auto bytes = [](KvFormat format) {
    const KvStore& store = kv_store_of(format);
    EXPECT_EQ(store.key_bytes(128), store.value_bytes(128));
    return store.key_bytes(128);
  };
  EXPECT_EQ(bytes(KvFormat::f32), 16 * 128 * 4);
  EXPECT_EQ(bytes(KvFormat::f16), 16 * 128 * 2);
  EXPECT_EQ(bytes(KvFormat::q8), 16 * 128 * 17 / 16);
  EXPECT_EQ(bytes(KvFormat::q4), 16 * 128 * 9 / 16);
}

}  // namespace
}  // namespace plinth::engine::kernels
