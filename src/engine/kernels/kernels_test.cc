// SPDX-License-Identifier: Apache-2.0
// Every kernel table against the scalar reference, whose sums are in double. The bound for a sum of
// n products is 2 * sqrt(n) + 8 units of F32 rounding, relative to the sum of the products' sizes:
// far above what rounding in any order does to random data, far below any mistake.
#include "engine/kernels/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/kernels/matmul.h"
#include "engine/testing/gguf_writer.h"

namespace plinth::engine::kernels {
namespace {

constexpr double kUnit = 0x1p-24;
constexpr int64_t kLengths[] = {1, 7, 8, 15, 16, 17, 32, 64, 172, 256, 300};

std::vector<float> draw(SeededRandom& random, int64_t count, float scale = 1) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(random.uniform() * 2 - 1) * scale;
  return values;
}

double sum_bound(int64_t length) {
  return (2 * std::sqrt(static_cast<double>(length)) + 8) * kUnit;
}

template <typename Body>
void for_each_table(const Body& body) {
  const KernelTables found = available_kernels();
  for (int i = 0; i < found.count; ++i) {
    SCOPED_TRACE(found.tables[i]->name);
    body(*found.tables[i]);
  }
}

template <typename Body>
void for_each_format(const Body& body) {
  const FormatTable formats = format_table();
  for (int i = 0; i < formats.count; ++i) {
    SCOPED_TRACE(formats.rows[i].name);
    body(formats.rows[i]);
  }
}

std::vector<float> multiply(const KernelTable& table, const Format& format,
                            const std::string& weights, int64_t rows, int64_t length,
                            const float* x, int64_t columns, int64_t split = 0) {
  std::vector<float> out(static_cast<size_t>(rows * columns), 99.0f);
  MatmulArguments m;
  m.weights = weights.data();
  m.row_bytes = length / format.block_values * format.block_bytes;
  m.length = length;
  m.x = x;
  m.x_stride = length;
  m.columns = columns;
  m.out = out.data();
  m.out_stride = rows;
  m.row_end = split;
  matmul(table, format, m);
  m.row_begin = split;
  m.row_end = rows;
  matmul(table, format, m);
  return out;
}

TEST(Kernels, multiply_as_the_reference_does) {
  SeededRandom random(11);
  for_each_format([&](const Format& format) {
    for (const int64_t length : kLengths) {
      if (length % format.block_values != 0) continue;
      const int64_t rows = 9;
      const int64_t columns = 7;
      const std::string weights = testing::pack(format.id, draw(random, rows * length));
      const std::vector<float> x = draw(random, columns * length);
      const auto expected =
          multiply(kScalarKernels, format, weights, rows, length, x.data(), columns);
      for_each_table([&](const KernelTable& table) {
        const auto found = multiply(table, format, weights, rows, length, x.data(), columns);
        for (size_t i = 0; i < found.size(); ++i) {
          // |w| and |x| are about 1 at most: the products' sizes sum to at most the length.
          EXPECT_NEAR(found[i], expected[i], sum_bound(length) * static_cast<double>(length));
        }
      });
    }
  });
}

TEST(Kernels, give_a_column_the_same_bits_alone_and_in_any_batch_and_split) {
  SeededRandom random(12);
  const int64_t rows = 21;
  const int64_t length = 256;
  const int64_t columns = 11;
  for_each_format([&](const Format& format) {
    const std::string weights = testing::pack(format.id, draw(random, rows * length));
    const std::vector<float> x = draw(random, columns * length);
    for_each_table([&](const KernelTable& table) {
      const auto whole = multiply(table, format, weights, rows, length, x.data(), columns);
      for (int64_t split = 0; split < rows; ++split) {
        EXPECT_EQ(multiply(table, format, weights, rows, length, x.data(), columns, split), whole);
      }
      for (int64_t column = 0; column < columns; ++column) {
        const auto alone =
            multiply(table, format, weights, rows, length, x.data() + column * length, 1);
        EXPECT_EQ(0, std::memcmp(alone.data(), whole.data() + column * rows,
                                 alone.size() * sizeof(float)));
      }
    });
  });
}

TEST(Kernels, multiply_widened_rows_as_the_rows_of_f32_they_are) {
  SeededRandom random(18);
  const int64_t rows = 19;
  const int64_t length = 512;
  const std::vector<float> x = draw(random, 3 * length);
  for_each_format([&](const Format& format) {
    const std::string packed = testing::pack(format.id, draw(random, rows * length));
    std::vector<float> widened(static_cast<size_t>(rows * length));
    format.widen(packed.data(), rows * length, widened.data());
    const std::string plain = testing::pack(FormatId::f32, widened);
    for_each_table([&](const KernelTable& table) {
      EXPECT_EQ(multiply(table, format, packed, rows, length, x.data(), 3),
                multiply(table, format_of(FormatId::f32), plain, rows, length, x.data(), 3));
    });
  });
}

TEST(Kernels, norm_as_the_reference_does_also_in_place) {
  SeededRandom random(13);
  for (const int64_t length : kLengths) {
    const std::vector<float> x = draw(random, length, 3);
    const std::vector<float> weight = draw(random, length);
    std::vector<float> expected(x.size());
    kScalarKernels.rms_norm(x.data(), weight.data(), 1e-5f, length, expected.data());
    for_each_table([&](const KernelTable& table) {
      std::vector<float> found = x;
      table.rms_norm(found.data(), weight.data(), 1e-5f, length, found.data());
      for (size_t i = 0; i < found.size(); ++i) {
        EXPECT_NEAR(found[i], expected[i], sum_bound(length) * 4);
      }
    });
  }
}

TEST(Kernels, softmax_within_a_millionth_and_sums_to_one) {
  SeededRandom random(14);
  for (const int64_t length : kLengths) {
    const std::vector<float> x = draw(random, length, 60);
    std::vector<float> expected = x;
    kScalarKernels.softmax(expected.data(), length);
    for_each_table([&](const KernelTable& table) {
      std::vector<float> found = x;
      table.softmax(found.data(), length);
      double sum = 0;
      for (size_t i = 0; i < found.size(); ++i) {
        EXPECT_NEAR(found[i], expected[i], 1e-6 * expected[i] + 1e-37);
        sum += found[i];
      }
      EXPECT_NEAR(sum, 1, 1e-6);
    });
  }
}

TEST(Kernels, silu_within_a_millionth_for_any_size) {
  SeededRandom random(15);
  std::vector<float> gate = draw(random, 301, 30);
  gate[0] = 200;
  gate[1] = -200;
  gate[2] = 0;
  const std::vector<float> up = draw(random, 301);
  std::vector<float> expected = gate;
  kScalarKernels.silu_multiply(expected.data(), up.data(), 301);
  for_each_table([&](const KernelTable& table) {
    std::vector<float> found = gate;
    table.silu_multiply(found.data(), up.data(), 301);
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(found[i], expected[i], 1e-6 * std::fabs(expected[i]) + 1e-30) << gate[i];
    }
  });
}

TEST(Kernels, turn_pairs_as_the_reference_does) {
  SeededRandom random(16);
  for (const int64_t pairs : {1, 3, 4, 8, 11, 32}) {
    const std::vector<float> x = draw(random, 2 * pairs);
    const std::vector<float> turns = draw(random, 2 * pairs);
    std::vector<float> expected = x;
    kScalarKernels.rope(expected.data(), turns.data(), pairs);
    for_each_table([&](const KernelTable& table) {
      std::vector<float> found = x;
      table.rope(found.data(), turns.data(), pairs);
      for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 4 * kUnit);
    });
  }
}

TEST(Kernels, attend_as_the_reference_does) {
  SeededRandom random(17);
  const int64_t count = 13;
  for (const int64_t length : kLengths) {
    const int64_t stride = length + 5;
    const std::vector<float> query = draw(random, length);
    const std::vector<float> rows = draw(random, count * stride);
    const std::vector<float> weights = draw(random, count);
    std::vector<float> scores(count);
    std::vector<float> mix(static_cast<size_t>(length), 0.5f);
    kScalarKernels.attention_scores(query.data(), rows.data(), stride, count, length, 0.5f,
                                    scores.data());
    kScalarKernels.attention_mix(weights.data(), rows.data(), stride, count, length, mix.data());
    for_each_table([&](const KernelTable& table) {
      std::vector<float> found(count);
      table.attention_scores(query.data(), rows.data(), stride, count, length, 0.5f, found.data());
      for (size_t i = 0; i < found.size(); ++i) {
        EXPECT_NEAR(found[i], scores[i], sum_bound(length) * static_cast<double>(length));
      }
      std::vector<float> found_mix(static_cast<size_t>(length), 0.5f);
      table.attention_mix(weights.data(), rows.data(), stride, count, length, found_mix.data());
      for (size_t i = 0; i < found_mix.size(); ++i) {
        EXPECT_NEAR(found_mix[i], mix[i], sum_bound(count) * count);
      }
    });
  }
}

TEST(Kernels, turn_pairs_of_halves_as_the_reference_does) {
  SeededRandom random(18);
  for (const int64_t pairs : {1, 3, 8, 11, 16, 32, 37}) {
    const std::vector<float> x = draw(random, 2 * pairs);
    const std::vector<float> turns = draw(random, 2 * pairs);
    std::vector<float> expected = x;
    kScalarKernels.rope_halves(expected.data(), turns.data(), pairs);
    for_each_table([&](const KernelTable& table) {
      std::vector<float> found = x;
      table.rope_halves(found.data(), turns.data(), pairs);
      for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 4 * kUnit);
    });
  }
}

TEST(Kernels, gelu_and_the_clamped_gate_within_a_millionth_for_any_size) {
  using Gate = void (*KernelTable::*)(float*, const float*, int64_t);
  SeededRandom random(19);
  std::vector<float> gate = draw(random, 301, 12);
  gate[0] = 200;
  gate[1] = -200;
  gate[2] = 0;
  gate[3] = 1e-4f;
  const std::vector<float> up = draw(random, 301, 9);
  for (const Gate member : {&KernelTable::gelu_multiply, &KernelTable::clamped_silu_multiply}) {
    std::vector<float> expected = gate;
    (kScalarKernels.*member)(expected.data(), up.data(), 301);
    for_each_table([&](const KernelTable& table) {
      std::vector<float> found = gate;
      (table.*member)(found.data(), up.data(), 301);
      for (size_t i = 0; i < found.size(); ++i) {
        // Far below 0 gelu cancels to nothing: there the bound is that of its size before.
        EXPECT_NEAR(found[i], expected[i], 3e-6 * std::fabs(expected[i]) + 1e-6) << gate[i];
      }
    });
  }
  std::vector<float> expected = gate;
  kScalarKernels.gelu(expected.data(), 301);
  for_each_table([&](const KernelTable& table) {
    std::vector<float> found = gate;
    table.gelu(found.data(), 301);
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(found[i], expected[i], 3e-6 * std::fabs(expected[i]) + 1e-7) << gate[i];
    }
  });
}

TEST(Kernels, the_largest_is_the_first_of_equal_ones_and_none_where_one_is_not_finite) {
  SeededRandom random(31);
  for (const int64_t length : {1, 7, 8, 16, 17, 203}) {
    for_each_table([&](const KernelTable& table) {
      for (int round = 0; round < 50; ++round) {
        std::vector<float> x(static_cast<size_t>(length));
        for (float& value : x) value = static_cast<float>(random.below(20)) - 30.0f;
        const auto expected = std::max_element(x.begin(), x.end()) - x.begin();
        EXPECT_EQ(table.find_largest(x.data(), length), expected) << table.name;
        for (const float bad : {INFINITY, -INFINITY, NAN}) {
          std::vector<float> broken = x;
          broken[random.below(broken.size())] = bad;
          EXPECT_EQ(table.find_largest(broken.data(), length), -1) << table.name;
        }
      }
    });
  }
}

TEST(Kernels, words_add_up_alike) {
  SeededRandom random(32);
  std::vector<uint8_t> bytes(256 * 5);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.next());
  const auto count = static_cast<int64_t>(bytes.size());
  const uint64_t expected = kScalarKernels.sum_words(bytes.data(), count);
  for_each_table([&](const KernelTable& table) {
    EXPECT_EQ(table.sum_words(bytes.data(), count), expected) << table.name;
  });
}

TEST(Kernels, soft_cap_within_a_millionth_for_any_size) {
  SeededRandom random(20);
  for (const float scale : {1e-3f, 1.0f, 40.0f, 1e6f}) {
    const std::vector<float> x = draw(random, 203, scale);
    std::vector<float> expected = x;
    kScalarKernels.soft_cap(expected.data(), 30, 203);
    for_each_table([&](const KernelTable& table) {
      std::vector<float> found = x;
      table.soft_cap(found.data(), 30, 203);
      for (size_t i = 0; i < found.size(); ++i) {
        EXPECT_NEAR(found[i], expected[i], 1e-6 * std::fabs(expected[i])) << x[i];
      }
    });
  }
}

TEST(Kernels, layer_norm_as_the_reference_does_also_in_place) {
  SeededRandom random(21);
  for (const int64_t length : kLengths) {
    if (length == 1) continue;  // nothing is left of one value but its rounding
    std::vector<float> x = draw(random, length, 3);
    for (float& value : x) value += 5;
    const std::vector<float> weight = draw(random, length);
    const std::vector<float> bias = draw(random, length);
    std::vector<float> expected(x.size());
    kScalarKernels.layer_norm(x.data(), weight.data(), bias.data(), 1e-5f, length, expected.data());
    for_each_table([&](const KernelTable& table) {
      std::vector<float> found = x;
      table.layer_norm(found.data(), weight.data(), bias.data(), 1e-5f, length, found.data());
      // The mean's rounding, of values up to 8 with a deviation above 1, comes on top.
      for (size_t i = 0; i < found.size(); ++i) {
        EXPECT_NEAR(found[i], expected[i], sum_bound(length) * 16);
      }
    });
  }
}

TEST(Kernels, keep_nan_visible) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for_each_table([&](const KernelTable& table) {
    std::vector<float> gate(16, 1.0f);
    gate[3] = nan;
    const std::vector<float> up(16, 1.0f);
    table.silu_multiply(gate.data(), up.data(), 16);
    EXPECT_TRUE(std::isnan(gate[3]));
    table.gelu_multiply(gate.data(), up.data(), 16);
    EXPECT_TRUE(std::isnan(gate[3]));
    table.clamped_silu_multiply(gate.data(), up.data(), 16);
    EXPECT_TRUE(std::isnan(gate[3]));
    table.soft_cap(gate.data(), 30, 16);
    EXPECT_TRUE(std::isnan(gate[3]));
  });
}

}  // namespace
}  // namespace plinth::engine::kernels
