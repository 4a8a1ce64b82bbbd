// SPDX-License-Identifier: Apache-2.0
// A matrix repacked into panels, and rows of activations rounded for it.
#pragma once

#include <cstdint>

#include "engine/kernels/panels/panels.h"

namespace plinth::engine::kernels {

// Columns of activations, in F32 and rounded to 8 bits. One of the two may be absent.
struct Columns {
  const float* values = nullptr;  // [count][length]
  int64_t length = 0;
  int64_t count = 0;
  const QuantizedBlock* rounded = nullptr;  // [count][length / 32]
};

// Columns [begin, begin + count) of x.
Columns part_of(const Columns& x, int64_t begin, int64_t count);

// A view: the panels lie in memory that someone else keeps.
class PackedMatrix {
 public:
  PackedMatrix() = default;  // empty
  // `bytes` must be what bytes_for says, filled by pack().
  PackedMatrix(const Format& format, int64_t rows, int64_t length, const uint8_t* bytes);

  // Bytes of the panels; 0 when the format has no panels or the length is no multiple of its
  // blocks.
  static int64_t bytes_for(const Format& format, int64_t rows, int64_t length);
  static int64_t panels_of(int64_t rows) { return (rows + kPanelRows - 1) / kPanelRows; }
  // Packs panels [panel_begin, panel_end) of a matrix with `rows` rows of `row_bytes` bytes to
  // their places in `bytes`.
  static void pack(const Format& format, const void* weights, int64_t row_bytes, int64_t rows,
                   int64_t length, int64_t panel_begin, int64_t panel_end, uint8_t* bytes);

  bool is_empty() const { return format_ == nullptr; }
  // Whether it multiplies the rounded form of columns, else their F32 values.
  bool is_rounding() const;
  // out[c * out_stride + r - 16 * panel_begin] = row r times column c, for the rows of panels
  // [panel_begin, panel_end).
  void multiply(const PanelKernels& kernels, const Columns& x, int64_t panel_begin,
                int64_t panel_end, float* out, int64_t out_stride) const;

 private:
  const PanelFormat* format_ = nullptr;
  int64_t rows_ = 0;
  int64_t panel_bytes_ = 0;
  const uint8_t* bytes_ = nullptr;
};

}  // namespace plinth::engine::kernels
