// SPDX-License-Identifier: Apache-2.0
// Blocks written out by hand against values worked out in the comments, and the way there and back
// for every format with a stated bound.
#include "engine/kernels/formats/formats.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/kernels/formats/float16.h"

namespace plinth::engine::kernels {
namespace {

constexpr int64_t kLength = 1024;

using Bytes = std::vector<uint8_t>;

std::vector<float> widen(FormatId id, const Bytes& row) {
  const Format& format = format_of(id);
  const auto blocks = static_cast<int64_t>(row.size()) / format.block_bytes;
  EXPECT_EQ(blocks * format.block_bytes, static_cast<int64_t>(row.size()));
  std::vector<float> values(static_cast<size_t>(blocks * format.block_values));
  format.widen(row.data(), static_cast<int64_t>(values.size()), values.data());
  return values;
}

Bytes narrow(const Format& format, const std::vector<float>& values) {
  const auto count = static_cast<int64_t>(values.size());
  Bytes row(static_cast<size_t>(count / format.block_values * format.block_bytes));
  format.narrow(values.data(), count, row.data());
  return row;
}

// One 0x3c is half precision 1 in two bytes: 0x00 0x3c; 0.5 is 0x00 0x38; 2 is 0x00 0x40.
Bytes filled(size_t size, uint8_t byte = 0) { return Bytes(size, byte); }

void put_half(Bytes& block, size_t at, float value) {
  const uint16_t half = float_to_half(value);
  std::memcpy(block.data() + at, &half, sizeof(half));
}

template <typename Body>
void for_each_format(const Body& body) {
  const FormatTable formats = format_table();
  for (int i = 0; i < formats.count; ++i) {
    SCOPED_TRACE(formats.rows[i].name);
    body(formats.rows[i]);
  }
}

std::vector<float> draw_normal(uint64_t seed, int64_t count, float deviation) {
  SeededRandom random(seed);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) {
    const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
    value = static_cast<float>(radius * std::cos(6.283185307179586 * random.uniform())) * deviation;
  }
  return values;
}

TEST(Formats, every_row_is_found_by_its_number_and_names_are_unique) {
  for_each_format([](const Format& format) {
    EXPECT_EQ(find_format(static_cast<uint32_t>(format.id)), &format);
    for_each_format([&](const Format& other) {
      EXPECT_EQ(std::string(other.name) == format.name, other.id == format.id);
    });
  });
  EXPECT_EQ(find_format(23), nullptr);
  EXPECT_EQ(find_format(UINT32_MAX), nullptr);
}

TEST(Formats, bf16_is_the_upper_half_of_f32) {
  // 0x3fc0 is 1.5, 0xc040 is -3.
  EXPECT_EQ(widen(FormatId::bf16, {0xc0, 0x3f, 0x40, 0xc0}), (std::vector<float>{1.5f, -3.0f}));
}

TEST(Formats, q4_0_and_q5_0_center_their_levels) {
  // Scale 0.5. Byte 0 is 0x2f: value 0 has level 15 -> 0.5 * 7, value 16 level 2 -> 0.5 * -6; all
  // other levels are 0 -> 0.5 * -8.
  Bytes four = filled(18);
  put_half(four, 0, 0.5f);
  four[2] = 0x2f;
  const auto values = widen(FormatId::q4_0, four);
  EXPECT_EQ(values[0], 3.5f);
  EXPECT_EQ(values[16], -3.0f);
  EXPECT_EQ(values[1], -4.0f);
  // The same with bits 0 and 17 of the fifths set: value 0 has level 31 -> 0.5 * 15, value 17 level
  // 16 -> 0, value 16 level 2 -> 0.5 * -14.
  Bytes five = filled(22);
  put_half(five, 0, 0.5f);
  five[2] = 0x01;
  five[4] = 0x02;
  five[6] = 0x2f;
  const auto wide = widen(FormatId::q5_0, five);
  EXPECT_EQ(wide[0], 7.5f);
  EXPECT_EQ(wide[17], 0.0f);
  EXPECT_EQ(wide[16], -7.0f);
  EXPECT_EQ(wide[1], -8.0f);
}

TEST(Formats, q4_1_and_q5_1_count_from_a_floor) {
  // Scale 0.25, floor -2. Byte 3 of the nibbles is 0xa1: value 3 has level 1 -> -1.75, value 19
  // level 10 -> 0.5; level 0 is the floor.
  Bytes four = filled(20);
  put_half(four, 0, 0.25f);
  put_half(four, 2, -2.0f);
  four[4 + 3] = 0xa1;
  const auto values = widen(FormatId::q4_1, four);
  EXPECT_EQ(values[3], -1.75f);
  EXPECT_EQ(values[19], 0.5f);
  EXPECT_EQ(values[0], -2.0f);
  // With bit 3 of the fifths value 3 has level 17 -> 2.25; bit 31 gives value 31 level 16 -> 2.
  Bytes five = filled(24);
  put_half(five, 0, 0.25f);
  put_half(five, 2, -2.0f);
  five[4] = 0x08;
  five[7] = 0x80;
  five[8 + 3] = 0xa1;
  const auto wide = widen(FormatId::q5_1, five);
  EXPECT_EQ(wide[3], 2.25f);
  EXPECT_EQ(wide[19], 0.5f);
  EXPECT_EQ(wide[31], 2.0f);
}

TEST(Formats, q2_k_packs_four_values_of_different_parts_into_a_byte) {
  // Unit 0.5, floor unit 0.25. Levels byte 0 is 0b11'10'01'00: values 0, 32, 64, 96 have levels 0
  // to 3. Part 0 (values 0-15) has step 1 and floor 2, part 2 (32-47) step 3 and floor 0, part 4
  // (64-79) step 4 and floor 1, part 6 (96-111) step 15 and floor 15:
  //   0: 0.5 * 1 * 0 - 0.25 * 2 = -0.5      32: 0.5 * 3 * 1 = 1.5
  //  64: 0.5 * 4 * 2 - 0.25 = 3.75          96: 0.5 * 15 * 3 - 0.25 * 15 = 18.75
  // Levels byte 32 + 17 is 0x03: value 128 + 17 has level 3, in part 9 with step 2: 0.5 * 2 * 3.
  Bytes block = filled(84);
  block[0] = 0x21;
  block[2] = 0x03;
  block[4] = 0x14;
  block[6] = 0xff;
  block[9] = 0x02;
  block[16] = 0xe4;
  block[16 + 32 + 17] = 0x03;
  put_half(block, 80, 0.5f);
  put_half(block, 82, 0.25f);
  const auto values = widen(FormatId::q2_k, block);
  EXPECT_EQ(values[0], -0.5f);
  EXPECT_EQ(values[32], 1.5f);
  EXPECT_EQ(values[64], 3.75f);
  EXPECT_EQ(values[96], 18.75f);
  EXPECT_EQ(values[145], 3.0f);
  EXPECT_EQ(values[128], 0.0f);
}

TEST(Formats, q3_k_takes_the_third_bit_from_afar) {
  // Unit 0.5. Steps (bytes 96-107): byte 96 is 0x51, byte 104 is 0b11'00'10'00.
  //   step 0: low 1, upper bits 0-1 of byte 104 = 0 -> 1 - 32 = -31
  //   step 8: low 5, upper bits 4-5 of byte 104 = 0 -> 5 - 32 = -27
  //   step 4: byte 100 is 0x07: low 7, upper bits 2-3 of byte 104 = 2 -> 39 - 32 = 7
  //   step 12: low 0 (high half of byte 100), upper bits 6-7 = 3 -> 48 - 32 = 16
  // Levels byte 0 (at 32) is 0b10'00'01'11: values 0, 32, 64, 96 have low bits 3, 1, 0, 2. Thirds
  // byte 0 is 0b0100'0101: set for values 0, 64 and 192.
  //   value 0:   part 0, level 3 + 4 - 4 = 3    -> 0.5 * -31 * 3 = -46.5
  //   value 64:  part 4, level 0 + 4 - 4 = 0    -> 0
  //   value 65:  part 4, level 0 - 4 = -4       -> 0.5 * 7 * -4 = -14
  //   value 128: part 8, level 0 - 4 = -4       -> 0.5 * -27 * -4 = 54
  //   value 192: part 12, low 1 (byte 32 + 32 is 0b00'01'00'00), third set: 1 -> 0.5 * 16 * 1 = 8
  Bytes block = filled(110);
  block[0] = 0x45;
  block[32] = 0x87;
  block[64] = 0x10;
  block[96] = 0x51;
  block[100] = 0x07;
  block[104] = 0xc8;
  put_half(block, 108, 0.5f);
  const auto values = widen(FormatId::q3_k, block);
  EXPECT_EQ(values[0], -46.5f);
  EXPECT_EQ(values[64], 0.0f);
  EXPECT_EQ(values[65], -14.0f);
  EXPECT_EQ(values[128], 54.0f);
  EXPECT_EQ(values[192], 8.0f);
}

TEST(Formats, q4_k_and_q5_k_share_twelve_bytes_of_steps_and_floors) {
  // Unit 0.5, floor unit 0.25. Bytes 4-15 hold steps and floors:
  //   part 1: step = low 6 bits of byte 5 (0x85) = 5, floor = low 6 bits of byte 9 (0x43) = 3
  //   part 5: low bits from byte 13 (0x21): step 1, floor 2; upper bits from byte 5 (2 -> 32) and
  //           byte 9 (1 -> 16): step 33, floor 18
  // Q4_K: byte 2 of the first 32 is 0x90: value 32 + 2 (part 1) has level 9 -> 0.5 * 5 * 9 - 0.75 =
  // 21.75. Byte 0 of the third 32 is 0x70: value 160 (part 5) has level 7 -> 0.5 * 33 * 7 - 4.5 =
  // 111; value 161 has level 0 -> -4.5.
  Bytes four = filled(144);
  put_half(four, 0, 0.5f);
  put_half(four, 2, 0.25f);
  four[5] = 0x85;
  four[9] = 0x43;
  four[13] = 0x21;
  four[16 + 2] = 0x90;
  four[16 + 64] = 0x70;
  const auto values = widen(FormatId::q4_k, four);
  EXPECT_EQ(values[34], 21.75f);
  EXPECT_EQ(values[160], 111.0f);
  EXPECT_EQ(values[161], -4.5f);
  EXPECT_EQ(values[0], 0.0f);
  // Q5_K: bit 1 of fifth byte 2 adds 16 to value 34: 0.5 * 5 * 25 - 0.75 = 61.75; bit 5 of fifth
  // byte 0 adds 16 to value 160: 0.5 * 33 * 23 - 4.5 = 375.
  Bytes five = filled(176);
  std::memcpy(five.data(), four.data(), 16);
  five[16 + 2] = 0x02;
  five[16] = 0x20;
  five[48 + 2] = 0x90;
  five[48 + 64] = 0x70;
  const auto wide = widen(FormatId::q5_k, five);
  EXPECT_EQ(wide[34], 61.75f);
  EXPECT_EQ(wide[160], 375.0f);
  EXPECT_EQ(wide[161], -4.5f);
}

TEST(Formats, q6_k_has_signed_steps) {
  // Unit 0.5. Nibbles byte 64 + 5 is 0xc3, pairs byte 128 + 32 + 5 is 0b01'00'00'10:
  //   value 133: low 3, upper 2 -> 35 - 32 = 3, part 8 with step -2 -> 0.5 * -2 * 3 = -3
  //   value 128 + 64 + 5 = 197: low 12, upper 0 -> -20, part 12 with step 127 -> 0.5 * 127 * -20
  //   value 128 + 96 + 5 = 229: low 0, upper 1 -> 16 - 32 = -16, part 14 with step -128 -> 1024
  Bytes block = filled(210);
  block[69] = 0xc3;
  block[165] = 0x42;
  block[192 + 8] = 0xfe;
  block[192 + 12] = 0x7f;
  block[192 + 14] = 0x80;
  put_half(block, 208, 0.5f);
  const auto values = widen(FormatId::q6_k, block);
  EXPECT_EQ(values[133], -3.0f);
  EXPECT_EQ(values[197], -1270.0f);
  EXPECT_EQ(values[229], 1024.0f);
}

TEST(Formats, iq4_nl_looks_levels_up) {
  // Scale 2; byte 1 is 0xf0: value 1 is entry 0 (-127), value 17 entry 15 (113); byte 2 is 0x78:
  // value 2 is entry 8 (1), value 18 entry 7 (-10).
  Bytes block = filled(18);
  put_half(block, 0, 2.0f);
  block[3] = 0xf0;
  block[4] = 0x78;
  const auto values = widen(FormatId::iq4_nl, block);
  EXPECT_EQ(values[1], -254.0f);
  EXPECT_EQ(values[17], 226.0f);
  EXPECT_EQ(values[2], 2.0f);
  EXPECT_EQ(values[18], -20.0f);
}

TEST(Formats, mxfp4_scales_by_powers_of_two) {
  // Exponent 129 is 2^2. Byte 0 is 0x71: value 0 is 0.5 * 4, value 16 is 6 * 4; byte 15 is 0xfa:
  // value 15 is -1 * 4, value 31 is -6 * 4.
  Bytes block = filled(17);
  block[0] = 129;
  block[1] = 0x71;
  block[16] = 0xfa;
  auto values = widen(FormatId::mxfp4, block);
  EXPECT_EQ(values[0], 2.0f);
  EXPECT_EQ(values[16], 24.0f);
  EXPECT_EQ(values[15], -4.0f);
  EXPECT_EQ(values[31], -24.0f);
  EXPECT_EQ(values[1], 0.0f);
  block[0] = 0;  // 2^-127, below the smallest normal F32
  EXPECT_EQ(widen(FormatId::mxfp4, block)[16], 6 * 0x1p-127f);
  block[0] = 254;  // 2^127, times 6 is above the largest F32
  values = widen(FormatId::mxfp4, block);
  EXPECT_EQ(values[0], 0x1p126f);
  EXPECT_TRUE(std::isinf(values[16]));
  block[0] = 255;
  EXPECT_TRUE(std::isnan(widen(FormatId::mxfp4, block)[0]));
}

// Largest relative root mean square error of normal values, and what it means: 2^-12 for half
// precision, about one step per 1.5 to 3 deviations for the few-bit formats. Worse is a mistake.
TEST(Formats, values_come_back_within_the_bound_of_their_format) {
  const std::pair<FormatId, double> bounds[] = {
      {FormatId::f32, 0},      {FormatId::f16, 0.0003},  {FormatId::bf16, 0.002},
      {FormatId::q4_0, 0.09},  {FormatId::q4_1, 0.078},  {FormatId::q5_0, 0.043},
      {FormatId::q5_1, 0.04},  {FormatId::q8_0, 0.006},  {FormatId::q2_k, 0.3},
      {FormatId::q3_k, 0.16},  {FormatId::q4_k, 0.078},  {FormatId::q5_k, 0.04},
      {FormatId::q6_k, 0.018}, {FormatId::iq4_nl, 0.08}, {FormatId::mxfp4, 0.125},
  };
  const std::vector<float> values = draw_normal(5, 16 * kLength, 0.02f);
  EXPECT_EQ(static_cast<int>(std::size(bounds)), format_table().count);
  for (const auto& [id, bound] : bounds) {
    const std::vector<float> found = widen(id, narrow(format_of(id), values));
    double squares = 0;
    double errors = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      squares += static_cast<double>(values[i]) * values[i];
      errors += std::pow(static_cast<double>(found[i]) - values[i], 2);
    }
    const double relative = std::sqrt(errors / squares);
    EXPECT_LE(relative, bound) << format_of(id).name;
    EXPECT_GE(relative, bound / 2) << format_of(id).name << ": the bound is loose";
  }
}

TEST(Formats, narrowing_what_was_widened_adds_little) {
  // The values of a packed row lie on levels already; scales found again may differ in their last
  // bits. A quarter of the format's own error is the most that may be added.
  const std::vector<float> values = draw_normal(6, kLength, 1);
  for_each_format([&](const Format& format) {
    const std::vector<float> once = widen(format.id, narrow(format, values));
    const std::vector<float> twice = widen(format.id, narrow(format, once));
    double own = 0;
    double added = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      own += std::pow(static_cast<double>(once[i]) - values[i], 2);
      added += std::pow(static_cast<double>(twice[i]) - once[i], 2);
    }
    EXPECT_LE(std::sqrt(added), 0.25 * std::sqrt(own));
  });
}

TEST(Formats, zeros_and_constants_come_back) {
  for_each_format([](const Format& format) {
    for (const float value : widen(format.id, narrow(format, std::vector<float>(kLength, 0.0f)))) {
      ASSERT_EQ(value, 0.0f);
    }
    for (const float constant : {1.0f, -0.75f}) {
      const std::vector<float> row(kLength, constant);
      for (const float value : widen(format.id, narrow(format, row))) {
        ASSERT_NEAR(value, constant, 0.01f);
      }
    }
  });
}

TEST(Formats, rows_too_small_or_too_large_for_a_scale_stay_numbers) {
  for (const float size : {1e-30f, 1e-9f, 1e6f, 1e30f}) {
    std::vector<float> values = draw_normal(7, kLength, size);
    for_each_format([&](const Format& format) {
      if (format.id == FormatId::f16) return;  // holds infinity: 1e6 becomes that
      for (const float value : widen(format.id, narrow(format, values))) {
        ASSERT_TRUE(std::isfinite(value)) << size;
      }
    });
  }
}

TEST(Formats, any_bytes_and_any_values_are_defined) {
  SeededRandom random(8);
  const float odd[] = {
      std::numeric_limits<float>::quiet_NaN(),  std::numeric_limits<float>::infinity(),
      -std::numeric_limits<float>::infinity(),  std::numeric_limits<float>::max(),
      std::numeric_limits<float>::denorm_min(), -0.0f};
  for_each_format([&](const Format& format) {
    for (int round = 0; round < 64; ++round) {
      Bytes bytes(static_cast<size_t>(kLength / format.block_values * format.block_bytes));
      random.fill(bytes);
      if (round == 0) bytes = filled(bytes.size(), 0xff);  // every scale is not a number
      narrow(format, widen(format.id, bytes));
      std::vector<float> values = draw_normal(9, kLength, 1);
      for (float& value : values) {
        if (random.below(4) == 0) value = odd[random.below(std::size(odd))];
      }
      widen(format.id, narrow(format, values));
    }
  });
}

TEST(Half, converts_every_value_there_and_back) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = half_to_float(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(value))));
    } else {
      EXPECT_EQ(float_to_half(value), half) << bits;
    }
  }
  EXPECT_EQ(half_to_float(0x3c00), 1.0f);
  EXPECT_EQ(half_to_float(0x0001), 0x1p-24f);
  EXPECT_EQ(half_to_float(0xfbff), -65504.0f);
  EXPECT_EQ(float_to_half(1.0f + 0x1p-11f), 0x3c00);  // half-way rounds to even
  EXPECT_EQ(float_to_half(1.0f + 3 * 0x1p-11f), 0x3c02);
  EXPECT_EQ(float_to_half(70000.0f), 0x7c00);
}

TEST(Bfloat, rounds_to_nearest_even_and_keeps_nan) {
  EXPECT_EQ(float_to_bfloat(1.0f), 0x3f80);
  EXPECT_EQ(float_to_bfloat(1.0f + 0x1p-8f), 0x3f80);  // half-way rounds to even
  EXPECT_EQ(float_to_bfloat(1.0f + 3 * 0x1p-8f), 0x3f82);
  EXPECT_EQ(float_to_bfloat(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(float_to_bfloat(std::bit_cast<float>(0x7f800001u)) & 0x7fc0, 0x7fc0);
}

}  // namespace
}  // namespace plinth::engine::kernels
