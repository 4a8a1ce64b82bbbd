// SPDX-License-Identifier: Apache-2.0
// Weights repacked for integer arithmetic: panels of 16 rows, so that one 64-byte vector holds four
// neighbouring codes of all 16 rows, which the dot-product instructions of a CPU multiply with four
// activation bytes at once. Weights are read once for as many columns as registers hold.
//
// Activations are quantized per column in blocks of 32: x = scale * q, q in -127..127. A weight is
// scale * (code - zero) or scale * code - minimum, as its format says. Codes and scales are the
// file's own, so the one error against the exact path is the rounding of the activations.
//
// Invariant, as in kernels.h: a value depends on its own row and column alone. Sums inside a block
// are integers, blocks are added in order.
//
// Layout of a panel, for each block of 32 values in order:
//   before each 8 blocks, K-quants only: a half d and then a half dmin of each row (Q3_K Q6_K:
//   d alone)
//   scales of each row: a half (Q4_0 Q5_0 Q8_0 IQ4_NL); halfs, then half minima (Q4_1 Q5_1);
//   bytes, then byte minima (Q4_K Q5_K); bytes for values 0..15, then for 16..31 (Q3_K Q6_K); the
//   same with the scale in a byte's low half and the minimum in its high one (Q2_K); exponent bytes
//   (MXFP4)
//   codes, 64 bytes a group, a group being 4 neighbouring values of each row, row by row:
//     2 bits: bits 2j of the bytes of 2 vectors hold groups 2j and 2j + 1
//     4 bits: groups 0..3 in the low halves of the bytes of 4 vectors, groups 4..7 in the high ones
//     5 bits: the same, then one vector whose bit g is the high bit of the codes of group g
//     6 bits: the same, then two vectors whose bits 2g are the high bits of group g (g + 4)
//     8 bits: 8 vectors of codes plus 128
//     16 bits (F16 BF16, which have no scales and take F32 activations): the values of the 16 rows
//     one after the other, 32 times
//
// This header is included by files compiled with -m flags: no inline functions, no standard
// templates.
#pragma once

#include <cstdint>

#include "engine/kernels/formats/formats.h"
#include "engine/kernels/kernels.h"

namespace plinth::engine::kernels {

constexpr int64_t kPanelRows = 16;
constexpr int64_t kPanelBlock = 32;  // values of a row that share an activation scale
constexpr int64_t kPanelGroup = 4;   // values one instruction multiplies in each row

// A block of activations, rounded: one cache line, so that a tile needs one pointer a column.
struct alignas(64) QuantizedBlock {
  int8_t codes[kPanelBlock];
  float scale;
  float scaled_sum;  // scale * the sum of the codes
  // -128 times the sum of the codes of the first half, of the second, and of both: what a tile's
  // sums begin with where codes are raised so that 128 stands for zero.
  int32_t less[3];
};

// out[c * out_stride + r] = row r times column c, for the rows of panels [panel_begin, panel_end).
struct PanelArguments {
  const uint8_t* panels = nullptr;
  int64_t panel_bytes = 0;
  int64_t rows = 0;                   // of all panels: the last one may hold fewer than 16
  const QuantizedBlock* x = nullptr;  // [columns][length / 32]
  const float* values = nullptr;      // [columns][length], for formats of 16 bits instead of x
  int64_t length = 0;
  int64_t columns = 0;
  float* out = nullptr;
  int64_t out_stride = 0;
  int64_t panel_begin = 0;
  int64_t panel_end = 0;
};

using PanelMatmul = void (*)(const PanelArguments&);

// How the codes and scales of one tensor type are stored.
enum class PanelCodes : uint8_t { bits2, bits4, bits5, bits6, bits8, bits16 };
enum class PanelScales : uint8_t {
  none,
  half,
  half_minimum,
  byte_minimum,
  byte_pair,
  nibble_pair,
  exponent
};

struct PanelFormat {
  FormatId id;
  PanelCodes codes;
  PanelScales scales;
  int32_t zero;            // the code that stands for 0; 0 where the format has minima
  int64_t values_min;      // rows are multiples of it: 32 or 256
  const uint8_t* entries;  // what the 16 codes of a codebook stand for; nullptr: themselves
};

// The entries of IQ4_NL, and twice those of MXFP4, plus 128.
extern const uint8_t kIq4PanelEntries[16];
extern const uint8_t kMxfp4PanelEntries[16];

// nullptr when the type has no panel layout.
const PanelFormat* find_panel_format(FormatId id);
int64_t panel_header_bytes(const PanelFormat& format);  // before each 8 blocks
int64_t panel_scale_bytes(const PanelFormat& format);   // of one block
int64_t panel_code_bytes(const PanelFormat& format);    // of one block
int64_t panel_bytes(const PanelFormat& format, int64_t length);

// Packs `rows` (1 to 16) rows of `row_bytes` each into one panel; the missing ones become zeros.
void pack_panel(const PanelFormat& format, const uint8_t* weights, int64_t row_bytes, int64_t rows,
                int64_t length, uint8_t* out);

// The panel kernels of one ISA level.
struct PanelKernels {
  // Rounds `blocks` blocks of values.
  void (*quantize)(const float* values, int64_t blocks, QuantizedBlock* out);
  PanelMatmul (*matmul)(const PanelFormat& format);  // nullptr: none at this level
};

extern const PanelKernels kScalarPanels;
#if defined(__x86_64__)
extern const PanelKernels kAvx2Panels;
extern const PanelKernels kAvx512Panels;
#endif

// The panel kernels that go with a kernel table this CPU can run.
const PanelKernels& panels_for(const KernelTable& kernels);

}  // namespace plinth::engine::kernels
