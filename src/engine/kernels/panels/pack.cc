// SPDX-License-Identifier: Apache-2.0
// Packs rows as the file holds them into panels. The block structures of the file are described in
// kernels/formats; here their codes and scales are taken apart without being computed with.
#include <cstring>

#include "engine/kernels/panels/panels.h"

namespace plinth::engine::kernels {
namespace {

constexpr PanelFormat kFormats[] = {
    {FormatId::f16, PanelCodes::bits16, PanelScales::none, 0, 32, nullptr},
    {FormatId::bf16, PanelCodes::bits16, PanelScales::none, 0, 32, nullptr},
    {FormatId::q4_0, PanelCodes::bits4, PanelScales::half, 8, 32, nullptr},
    {FormatId::q4_1, PanelCodes::bits4, PanelScales::half_minimum, 0, 32, nullptr},
    {FormatId::q5_0, PanelCodes::bits5, PanelScales::half, 16, 32, nullptr},
    {FormatId::q5_1, PanelCodes::bits5, PanelScales::half_minimum, 0, 32, nullptr},
    {FormatId::q8_0, PanelCodes::bits8, PanelScales::half, 128, 32, nullptr},
    {FormatId::q2_k, PanelCodes::bits2, PanelScales::nibble_pair, 0, 256, nullptr},
    {FormatId::q3_k, PanelCodes::bits4, PanelScales::byte_pair, 4, 256, nullptr},
    {FormatId::q4_k, PanelCodes::bits4, PanelScales::byte_minimum, 0, 256, nullptr},
    {FormatId::q5_k, PanelCodes::bits5, PanelScales::byte_minimum, 0, 256, nullptr},
    {FormatId::q6_k, PanelCodes::bits6, PanelScales::byte_pair, 32, 256, nullptr},
    {FormatId::iq4_nl, PanelCodes::bits4, PanelScales::half, 128, 32, kIq4PanelEntries},
    {FormatId::mxfp4, PanelCodes::bits4, PanelScales::exponent, 128, 32, kMxfp4PanelEntries},
};

// One block of 32 values of one row.
struct Block {
  // For formats of 4 bits that are packed by the word, word g holds the codes of group g in the low
  // halves of its bytes and those of group g + 4 in the high ones. For the others, the codes.
  union {
    uint32_t words[4];
    uint8_t codes[kPanelBlock];
  };
  uint8_t header[2][2];  // d and dmin, K-quants
  uint8_t scales[2][2];  // halfs, or in [i][0] bytes: scale and minimum, or those of both halves
};

// Whether a row's d is followed by a dmin.
bool has_header_minimum(const PanelFormat& format) {
  return format.scales == PanelScales::byte_minimum || format.scales == PanelScales::nibble_pair;
}

bool is_packed_by_word(const PanelFormat& format) {
  return format.codes == PanelCodes::bits4 && format.id != FormatId::q3_k;
}

// 16 bytes: value i in the low half of byte i, value i + 16 in the high one.
void split_nibbles(const uint8_t* bytes, uint8_t* codes) {
  for (int i = 0; i < 16; ++i) {
    codes[i] = bytes[i] & 15;
    codes[i + 16] = bytes[i] >> 4;
  }
}

// Bit i of 32 is the fifth bit of value i.
void add_fifth_bits(const uint8_t* bits, uint8_t* codes) {
  for (int i = 0; i < 32; ++i) {
    codes[i] = static_cast<uint8_t>(codes[i] | ((bits[i / 8] >> (i % 8)) & 1) << 4);
  }
}

void read_simple(FormatId id, const uint8_t* from, Block& block) {
  std::memcpy(block.scales[0], from, 2);
  from += 2;
  if (id == FormatId::q4_1 || id == FormatId::q5_1) {
    std::memcpy(block.scales[1], from, 2);
    from += 2;
  }
  if (id == FormatId::q8_0) {
    for (int i = 0; i < kPanelBlock; ++i) block.codes[i] = from[i] ^ 0x80;  // plus 128
    return;
  }
  if (id == FormatId::q4_0 || id == FormatId::q4_1) {
    std::memcpy(block.words, from, sizeof(block.words));  // as they are
    return;
  }
  split_nibbles(from + 4, block.codes);
  add_fifth_bits(from, block.codes);
}

// Eight 6-bit scales and minima in 12 bytes: the low 6 bits of bytes 0..3 and 4..7 for blocks 0..3;
// for blocks 4..7 the halves of bytes 8..11, with the high bits of the former on top.
void read_packed_scales(const uint8_t* packed, int64_t index, Block& block) {
  if (index < 4) {
    block.scales[0][0] = packed[index] & 63;
    block.scales[1][0] = packed[index + 4] & 63;
  } else {
    block.scales[0][0] =
        static_cast<uint8_t>((packed[index + 4] & 15) | (packed[index - 4] >> 6) << 4);
    block.scales[1][0] = static_cast<uint8_t>((packed[index + 4] >> 4) | (packed[index] >> 6) << 4);
  }
}

// Q4_K and Q5_K: d, dmin, 12 bytes of scales, 32 bytes of fifth bits (Q5_K), 128 bytes of which
// every 32 hold two blocks in their low and high halves.
void read_k4(const uint8_t* from, int64_t index, Block& block) {
  std::memcpy(block.header, from, 4);
  read_packed_scales(from + 4, index, block);
  uint32_t halves[8];
  std::memcpy(halves, from + 16 + index / 2 * 32, sizeof(halves));
  for (int g = 0; g < 4; ++g) {
    block.words[g] = index % 2 == 0
                         ? (halves[g] & 0x0f0f0f0f) | (halves[g + 4] & 0x0f0f0f0f) << 4
                         : ((halves[g] >> 4) & 0x0f0f0f0f) | (halves[g + 4] & 0xf0f0f0f0);
  }
}

void read_k5(const uint8_t* from, int64_t index, Block& block) {
  std::memcpy(block.header, from, 4);
  read_packed_scales(from + 4, index, block);
  const uint8_t* fifth_bits = from + 16;
  const uint8_t* halves = from + 48 + index / 2 * 32;
  for (int i = 0; i < kPanelBlock; ++i) {
    const int half = index % 2 == 0 ? halves[i] & 15 : halves[i] >> 4;
    block.codes[i] = static_cast<uint8_t>(half | ((fifth_bits[i] >> index) & 1) << 4);
  }
}

// Q6_K: 128 bytes of low halves, 64 of high bit pairs, 16 scales, d. Each 128 values take 64 bytes
// of the first and 32 of the second.
void read_k6(const uint8_t* from, int64_t index, Block& block) {
  std::memcpy(block.header[0], from + 208, 2);
  const int64_t part = index / 4;
  const int64_t quarter = index % 4;
  const uint8_t* low = from + part * 64 + quarter % 2 * 32;
  const uint8_t* high = from + 128 + part * 32;
  for (int i = 0; i < kPanelBlock; ++i) {
    const int half = quarter < 2 ? low[i] & 15 : low[i] >> 4;
    const int pair = (high[i] >> (2 * quarter)) & 3;
    block.codes[i] = static_cast<uint8_t>(half | pair << 4);
  }
  block.scales[0][0] = from[192 + index * 2];
  block.scales[1][0] = from[192 + index * 2 + 1];
}

// MXFP4: an exponent, then nibbles.
void read_mxfp4(const uint8_t* from, Block& block) {
  block.scales[0][0] = *from;
  std::memcpy(block.words, from + 1, sizeof(block.words));
}

// Q2_K: 16 bytes of scales and minima; 64 bytes of codes, of which each 32 hold four blocks; d and
// dmin.
void read_k2(const uint8_t* from, int64_t index, Block& block) {
  std::memcpy(block.header, from + 80, 4);
  const uint8_t* pairs = from + 16 + index / 4 * 32;
  for (int i = 0; i < kPanelBlock; ++i) {
    block.codes[i] = static_cast<uint8_t>((pairs[i] >> (2 * (index % 4))) & 3);
  }
  block.scales[0][0] = from[index * 2];
  block.scales[1][0] = from[index * 2 + 1];
}

// Q3_K: 32 bytes of high bits, of which bit i is that of block i; 64 bytes of low pairs, of which
// each 32 hold four blocks; 16 scales of 6 bits plus 32 in 12 bytes, the low halves in bytes 0..7,
// the high pairs in bytes 8..11; d.
void read_k3(const uint8_t* from, int64_t index, Block& block) {
  std::memcpy(block.header[0], from + 108, 2);
  const uint8_t* low = from + 32 + index / 4 * 32;
  for (int i = 0; i < kPanelBlock; ++i) {
    const int pair = (low[i] >> (2 * (index % 4))) & 3;
    block.codes[i] = static_cast<uint8_t>(pair | ((from[i] >> index) & 1) << 2);
  }
  const uint8_t* packed = from + 96;
  for (int64_t half = 0; half < 2; ++half) {
    const int64_t i = index * 2 + half;
    const int bits = (packed[i % 8] >> (i < 8 ? 0 : 4)) & 15;
    const int high = (packed[8 + i % 4] >> (2 * (i / 4))) & 3;
    block.scales[half][0] = static_cast<uint8_t>((bits | high << 4) - 32);
  }
}

void read_block(const PanelFormat& format, const uint8_t* row, int64_t index, Block& block) {
  const int64_t group = index / 8;
  switch (format.id) {
    case FormatId::q4_0:
    case FormatId::iq4_nl:
      return read_simple(FormatId::q4_0, row + index * 18, block);
    case FormatId::mxfp4:
      return read_mxfp4(row + index * 17, block);
    case FormatId::q2_k:
      return read_k2(row + group * 84, index % 8, block);
    case FormatId::q3_k:
      return read_k3(row + group * 110, index % 8, block);
    case FormatId::q4_1:
      return read_simple(FormatId::q4_1, row + index * 20, block);
    case FormatId::q5_0:
      return read_simple(FormatId::q5_0, row + index * 22, block);
    case FormatId::q5_1:
      return read_simple(FormatId::q5_1, row + index * 24, block);
    case FormatId::q8_0:
      return read_simple(FormatId::q8_0, row + index * 34, block);
    case FormatId::q4_k:
      return read_k4(row + group * 144, index % 8, block);
    case FormatId::q5_k:
      return read_k5(row + group * 176, index % 8, block);
    default:
      return read_k6(row + group * 210, index % 8, block);
  }
}

void write_scales(const PanelFormat& format, int64_t row, const Block& block, uint8_t* out) {
  switch (format.scales) {
    case PanelScales::half_minimum:
      std::memcpy(out + 2 * kPanelRows + 2 * row, block.scales[1], 2);
      [[fallthrough]];
    case PanelScales::half:
      std::memcpy(out + 2 * row, block.scales[0], 2);
      return;
    case PanelScales::byte_minimum:
    case PanelScales::byte_pair:
    case PanelScales::nibble_pair:
      out[row] = block.scales[0][0];
      out[kPanelRows + row] = block.scales[1][0];
      return;
    case PanelScales::exponent:
      out[row] = block.scales[0][0];
      return;
    case PanelScales::none:
      return;
  }
}

// The four codes of group g, a byte each. What follows works on all four at once.
uint32_t group_of(const Block& block, int g) {
  uint32_t four;
  std::memcpy(&four, block.codes + g * kPanelGroup, sizeof(four));
  return four;
}

void write_codes(const PanelFormat& format, int64_t row, const Block& block, uint8_t* out) {
  out += row * kPanelGroup;
  const auto store = [&](int64_t vector, uint32_t four) {
    std::memcpy(out + vector * 64, &four, sizeof(four));
  };
  if (is_packed_by_word(format)) {
    for (int g = 0; g < 4; ++g) store(g, block.words[g]);
    return;
  }
  if (format.codes == PanelCodes::bits8) {
    for (int g = 0; g < 8; ++g) store(g, group_of(block, g));
    return;
  }
  if (format.codes == PanelCodes::bits2) {
    uint32_t pairs[2] = {0, 0};
    for (int g = 0; g < 8; ++g) pairs[g % 2] |= group_of(block, g) << (g / 2 * 2);
    store(0, pairs[0]);
    store(1, pairs[1]);
    return;
  }
  for (int g = 0; g < 4; ++g) {
    store(g, (group_of(block, g) & 0x0f0f0f0f) | (group_of(block, g + 4) & 0x0f0f0f0f) << 4);
  }
  uint32_t high[2] = {0, 0};
  for (int g = 0; g < 8; ++g) {
    const uint32_t bits = group_of(block, g) >> 4;
    if (format.codes == PanelCodes::bits5) high[0] |= (bits & 0x01010101) << g;
    if (format.codes == PanelCodes::bits6) high[g / 4] |= (bits & 0x03030303) << (2 * (g % 4));
  }
  if (format.codes != PanelCodes::bits4) store(4, high[0]);
  if (format.codes == PanelCodes::bits6) store(5, high[1]);
}

void pack_halves(const uint8_t* weights, int64_t row_bytes, int64_t rows, int64_t length,
                 uint8_t* out) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t i = 0; i < length; ++i) {
      std::memcpy(out + (i * kPanelRows + row) * 2, weights + row * row_bytes + i * 2, 2);
    }
  }
}

}  // namespace

const uint8_t kIq4PanelEntries[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                      129, 141, 153, 166, 181, 197, 217, 241};
const uint8_t kMxfp4PanelEntries[16] = {128, 129, 130, 131, 132, 134, 136, 140,
                                        128, 127, 126, 125, 124, 122, 120, 116};

const PanelFormat* find_panel_format(FormatId id) {
  for (const PanelFormat& format : kFormats) {
    if (format.id == id) return &format;
  }
  return nullptr;
}

int64_t panel_header_bytes(const PanelFormat& format) {
  if (has_header_minimum(format)) return 4 * kPanelRows;
  return format.scales == PanelScales::byte_pair ? 2 * kPanelRows : 0;
}

int64_t panel_scale_bytes(const PanelFormat& format) {
  switch (format.scales) {
    case PanelScales::none:
      return 0;
    case PanelScales::exponent:
      return kPanelRows;
    case PanelScales::half_minimum:
      return 4 * kPanelRows;
    default:
      return 2 * kPanelRows;
  }
}

int64_t panel_code_bytes(const PanelFormat& format) {
  switch (format.codes) {
    case PanelCodes::bits2:
      return 128;
    case PanelCodes::bits4:
      return 256;
    case PanelCodes::bits5:
      return 320;
    case PanelCodes::bits6:
      return 384;
    case PanelCodes::bits8:
      return 512;
    case PanelCodes::bits16:
      return 1024;
  }
  return 0;
}

int64_t panel_bytes(const PanelFormat& format, int64_t length) {
  const int64_t blocks = length / kPanelBlock;
  return blocks * (panel_scale_bytes(format) + panel_code_bytes(format)) +
         blocks / 8 * panel_header_bytes(format);
}

void pack_panel(const PanelFormat& format, const uint8_t* weights, int64_t row_bytes, int64_t rows,
                int64_t length, uint8_t* out) {
  std::memset(out, 0, static_cast<size_t>(panel_bytes(format, length)));
  if (format.codes == PanelCodes::bits16) {
    return pack_halves(weights, row_bytes, rows, length, out);
  }
  const int64_t header_bytes = panel_header_bytes(format);
  for (int64_t index = 0; index < length / kPanelBlock; ++index) {
    uint8_t* header = out;
    const bool has_header = header_bytes > 0 && index % 8 == 0;
    if (has_header) out += header_bytes;
    uint8_t* codes = out + panel_scale_bytes(format);
    for (int64_t row = 0; row < rows; ++row) {
      Block block;
      read_block(format, weights + row * row_bytes, index, block);
      if (has_header) {
        std::memcpy(header + 2 * row, block.header[0], 2);
        if (has_header_minimum(format)) {
          std::memcpy(header + 2 * kPanelRows + 2 * row, block.header[1], 2);
        }
      }
      write_scales(format, row, block, out);
      write_codes(format, row, block, codes);
    }
    out = codes + panel_code_bytes(format);
  }
}

}  // namespace plinth::engine::kernels
