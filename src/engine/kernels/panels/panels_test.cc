// SPDX-License-Identifier: Apache-2.0
// The panel kernels of every ISA level against the scalar reference, and the reference against the
// file's own bytes.
#include "engine/kernels/panels/panels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/kernels/formats/float16.h"
#include "engine/kernels/panels/packed.h"

namespace plinth::engine::kernels {
namespace {

struct FileFormat {
  FormatId id;
  std::vector<int64_t> halfs;  // where scales stand in a block, or numbers of half precision
};

const std::vector<FileFormat>& file_formats() {
  static const std::vector<FileFormat> formats = {
      {FormatId::q4_0, {0}},      {FormatId::q4_1, {0, 2}}, {FormatId::q5_0, {0}},
      {FormatId::q5_1, {0, 2}},   {FormatId::q8_0, {0}},    {FormatId::q4_k, {0, 2}},
      {FormatId::q5_k, {0, 2}},   {FormatId::q6_k, {208}},  {FormatId::q3_k, {108}},
      {FormatId::q2_k, {80, 82}}, {FormatId::iq4_nl, {0}},  {FormatId::mxfp4, {}},
      {FormatId::f16, {0}},       {FormatId::bf16, {}},
  };
  return formats;
}

// Rows of random codes with scales of sensible size.
struct Rows {
  Rows(const FileFormat& file, int64_t row_count, int64_t row_length, SeededRandom& random)
      : format(*find_panel_format(file.id)),
        rows(row_count),
        length(row_length),
        block_bytes(format_of(file.id).block_bytes),
        row_bytes(length / format_of(file.id).block_values * block_bytes),
        stride(panel_bytes(format, length)),
        bytes(static_cast<size_t>(rows * row_bytes)) {
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.next());
    for (size_t block = 0; block < bytes.size(); block += static_cast<size_t>(block_bytes)) {
      for (const int64_t at : file.halfs) {
        const uint16_t half = float_to_half(static_cast<float>(random.uniform() - 0.5) / 25.0f);
        std::memcpy(bytes.data() + static_cast<int64_t>(block) + at, &half, sizeof(half));
      }
      // Exponents of sensible size, and no bfloat that is not a number.
      if (file.id == FormatId::mxfp4) bytes[block] = static_cast<uint8_t>(118 + bytes[block] % 8);
      if (file.id == FormatId::bf16) bytes[block + 1] = 0x3e;
    }
    pack();
  }

  void pack() {
    const int64_t panels = (rows + kPanelRows - 1) / kPanelRows;
    packed.resize(static_cast<size_t>(panels * stride));
    for (int64_t panel = 0; panel < panels; ++panel) {
      const int64_t first = panel * kPanelRows;
      pack_panel(format, bytes.data() + first * row_bytes, row_bytes,
                 std::min(kPanelRows, rows - first), length, packed.data() + panel * stride);
    }
  }

  const PanelFormat& format;
  int64_t rows, length, block_bytes, row_bytes, stride;
  std::vector<uint8_t> bytes, packed;
};

// Columns quantized by one level's kernel.
struct Quantized {
  Quantized(const PanelKernels& kernels, const std::vector<float>& values_given, int64_t columns)
      : values(values_given), blocks(values.size() / kPanelBlock) {
    x = {values.data(), static_cast<int64_t>(values.size()) / columns, columns, blocks.data()};
    kernels.quantize(values.data(), static_cast<int64_t>(blocks.size()), blocks.data());
  }
  Quantized(const Quantized&) = delete;
  Quantized& operator=(const Quantized&) = delete;

  std::vector<float> values;
  std::vector<QuantizedBlock> blocks;
  Columns x;
};

std::vector<float> random_values(size_t count, SeededRandom& random) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.uniform() * 2 - 1);
  return values;
}

std::vector<float> multiply(const PanelKernels& kernels, const Rows& rows,
                            const Quantized& columns) {
  std::vector<float> out(static_cast<size_t>(rows.rows * columns.x.count), NAN);
  const int64_t panels = (rows.rows + kPanelRows - 1) / kPanelRows;
  kernels.matmul(rows.format)({rows.packed.data(), rows.stride, rows.rows, columns.x.rounded,
                               columns.x.values, rows.length, columns.x.count, out.data(),
                               rows.rows, 0, panels});
  return out;
}

std::vector<const PanelKernels*> levels() {
  std::vector<const PanelKernels*> found;
  const KernelTables tables = available_kernels();
  for (int i = 0; i < tables.count; ++i) found.push_back(&panels_for(*tables.tables[i]));
  return found;
}

double relative_rms(const std::vector<float>& found, const std::vector<float>& expected) {
  double differences = 0, squares = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    differences += std::pow(static_cast<double>(found[i]) - expected[i], 2);
    squares += std::pow(static_cast<double>(expected[i]), 2);
  }
  return std::sqrt(differences / squares);
}

TEST(Panels, the_reference_multiplies_what_the_format_says_the_weights_are) {
  SeededRandom random(6);
  for (const FileFormat& file : file_formats()) {
    const Rows rows(file, 20, 768, random);
    const Quantized columns(kScalarPanels, random_values(768, random), 1);
    std::vector<float> expected;
    std::vector<float> weights(768);
    for (int64_t row = 0; row < rows.rows; ++row) {
      format_of(file.id).widen(rows.bytes.data() + row * rows.row_bytes, 768, weights.data());
      double sum = 0;
      for (size_t i = 0; i < weights.size(); ++i) {
        const QuantizedBlock& block = columns.blocks[i / 32];
        const double rounded = static_cast<double>(block.codes[i % 32]) * block.scale;
        sum += weights[i] * (rows.format.codes == PanelCodes::bits16 ? columns.values[i] : rounded);
      }
      expected.push_back(static_cast<float>(sum));
    }
    EXPECT_LE(relative_rms(multiply(kScalarPanels, rows, columns), expected), 1e-6)
        << format_of(file.id).name;
  }
}

TEST(Panels, every_level_agrees_with_the_reference_also_where_the_last_panel_is_not_full) {
  SeededRandom random(7);
  for (const FileFormat& file : file_formats()) {
    const Rows rows(file, 37, 768, random);
    const Quantized columns(kScalarPanels, random_values(11 * 768, random), 11);
    const std::vector<float> expected = multiply(kScalarPanels, rows, columns);
    for (const PanelKernels* kernels : levels()) {
      EXPECT_LE(relative_rms(multiply(*kernels, rows, columns), expected), 1e-6)
          << format_of(file.id).name;
    }
  }
}

// Every shape of tile, ranges that begin and end inside of one, and nothing written past the rows.
TEST(Panels, every_count_of_rows_and_columns_and_every_range_agrees_with_the_reference) {
  SeededRandom random(10);
  for (const FileFormat& file : file_formats()) {
    for (const int64_t count : {1, 8, 9, 64, 149}) {
      const Rows rows(file, count, 256, random);
      const int64_t panels = (count + kPanelRows - 1) / kPanelRows;
      for (int64_t columns = 1; columns <= 12; ++columns) {
        const Quantized x(kScalarPanels, random_values(static_cast<size_t>(columns * 256), random),
                          columns);
        const std::vector<float> expected = multiply(kScalarPanels, rows, x);
        for (const PanelKernels* kernels : levels()) {
          // Rows apart, so that a row too many shows.
          const int64_t stride = count + 16;
          std::vector<float> out(static_cast<size_t>(columns * stride), 7);
          const int64_t split = panels / 3;
          for (const auto& [begin, end] : {std::pair(int64_t{0}, split), {split, panels}}) {
            kernels->matmul(rows.format)({rows.packed.data(), rows.stride, count, x.x.rounded,
                                          x.x.values, rows.length, columns, out.data(), stride,
                                          begin, end});
          }
          std::vector<float> found;
          for (int64_t column = 0; column < columns; ++column) {
            const auto first = out.begin() + column * stride;
            found.insert(found.end(), first, first + count);
            EXPECT_EQ(std::count(first + count, first + stride, 7.0f), 16);
          }
          ASSERT_LE(relative_rms(found, expected), 2e-6)
              << format_of(file.id).name << " " << count << " rows, " << columns << " columns";
        }
      }
    }
  }
}

TEST(Panels, a_column_gets_the_same_bits_alone_and_beside_any_others) {
  SeededRandom random(8);
  for (const FileFormat& file : file_formats()) {
    const Rows rows(file, 149, 512, random);
    const std::vector<float> values = random_values(21 * 512, random);
    for (const PanelKernels* kernels : levels()) {
      const std::vector<float> together = multiply(*kernels, rows, Quantized(*kernels, values, 21));
      for (size_t column = 0; column < 21; ++column) {
        const std::vector<float> alone(values.begin() + static_cast<int64_t>(column * 512),
                                       values.begin() + static_cast<int64_t>((column + 1) * 512));
        const std::vector<float> found = multiply(*kernels, rows, Quantized(*kernels, alone, 1));
        EXPECT_EQ(std::memcmp(found.data(), together.data() + column * 149, 149 * sizeof(float)), 0)
            << format_of(file.id).name << " column " << column;
      }
    }
  }
}

TEST(Panels, extreme_codes_do_not_overflow) {
  SeededRandom random(9);
  for (const FileFormat& file : file_formats()) {
    for (const uint8_t fill : {0x00, 0xff, 0x7f, 0x80}) {
      Rows rows(file, 16, 256, random);
      if (file.id == FormatId::bf16) continue;  // its codes are its numbers
      for (size_t i = 0; i < rows.bytes.size(); ++i) {
        const auto at = static_cast<int64_t>(i % static_cast<size_t>(rows.block_bytes));
        bool is_scale = false;
        for (const int64_t half : file.halfs) is_scale |= at == half || at == half + 1;
        is_scale |= file.id == FormatId::mxfp4 && at == 0;
        if (!is_scale) rows.bytes[i] = fill;
      }
      rows.pack();
      std::vector<float> values(256);
      for (size_t i = 0; i < values.size(); ++i) values[i] = i % 32 < 30 ? 1.0f : -1.0f;
      const Quantized columns(kScalarPanels, values, 1);
      const std::vector<float> expected = multiply(kScalarPanels, rows, columns);
      for (const PanelKernels* kernels : levels()) {
        const std::vector<float> found = multiply(*kernels, rows, columns);
        for (size_t i = 0; i < found.size(); ++i) {
          EXPECT_NEAR(found[i], expected[i], 1e-4 * std::fabs(expected[i]) + 1e-4)
              << format_of(file.id).name;
        }
      }
    }
  }
}

TEST(Panels, every_level_quantizes_alike) {
  SeededRandom random(10);
  std::vector<float> values = random_values(256, random);
  for (size_t i = 32; i < 64; ++i) values[i] = 0.0f;
  for (size_t i = 64; i < 96; ++i) values[i] *= 1e-20f;
  for (size_t i = 96; i < 128; ++i) values[i] *= 1e20f;
  const Quantized expected(kScalarPanels, values, 1);
  for (const PanelKernels* kernels : levels()) {
    const Quantized found(*kernels, values, 1);
    for (size_t i = 0; i < expected.blocks.size(); ++i) {
      // Without what fills up the cache line.
      EXPECT_EQ(std::memcmp(&found.blocks[i], &expected.blocks[i],
                            offsetof(QuantizedBlock, less) + sizeof(QuantizedBlock::less)),
                0);
    }
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const QuantizedBlock& block = expected.blocks[i / 32];
    const float back = static_cast<float>(block.codes[i % 32]) * block.scale;
    EXPECT_LE(std::fabs(back - values[i]), 0.5001f * block.scale);
  }
}

}  // namespace
}  // namespace plinth::engine::kernels
