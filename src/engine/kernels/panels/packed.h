// SPDX-License-Identifier: Apache-2.0
// A matrix repacked into panels, and its product with columns of F32 activations.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/kernels/panels/panels.h"
#include "engine/kernels/thread_pool.h"

namespace plinth::engine::kernels {

// Immutable once packed, in memory of its own; copies of a Matrix share it.
class PackedMatrix {
 public:
  // Packs `rows` rows of `row_bytes` bytes and `length` values. nullptr when the format has no
  // panels, the length is no multiple of its blocks, or memory is short: the exact path then does.
  static std::shared_ptr<const PackedMatrix> pack(const Format& format, const void* weights,
                                                  int64_t row_bytes, int64_t rows, int64_t length,
                                                  ThreadPool& pool);
  ~PackedMatrix();
  PackedMatrix(const PackedMatrix&) = delete;
  PackedMatrix& operator=(const PackedMatrix&) = delete;

  int64_t bytes() const { return panels() * panel_bytes_; }

  // out[c][r] = row r times x[c], for `columns` columns of `length` values. x is rounded to 8 bits
  // in blocks of 32. One caller per thread.
  void multiply(const PanelKernels& kernels, ThreadPool& pool, const float* x, int64_t columns,
                float* out) const;

 private:
  PackedMatrix(const PanelFormat& format, int64_t rows, int64_t length)
      : format_(format),
        rows_(rows),
        length_(length),
        panel_bytes_(kernels::panel_bytes(format, length)) {}
  int64_t panels() const { return (rows_ + kPanelRows - 1) / kPanelRows; }

  const PanelFormat& format_;
  int64_t rows_;
  int64_t length_;
  int64_t panel_bytes_;
  uint8_t* bytes_ = nullptr;
};

}  // namespace plinth::engine::kernels
