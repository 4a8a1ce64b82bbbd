// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/panels/packed.h"

#include <sys/mman.h>

#include <algorithm>
#include <vector>

namespace plinth::engine::kernels {
namespace {

// The activations of one product, quantized; one per calling thread, as long as its largest so far.
class Scratch {
 public:
  QuantizedColumns reserve(int64_t columns, int64_t blocks) {
    const auto count = static_cast<size_t>(columns * blocks);
    if (scales_.size() < count) {
      codes_.resize(count * kPanelBlock);
      scales_.resize(count);
      sums_.resize(count * 2);
      scaled_sums_.resize(count);
    }
    return {codes_.data(), scales_.data(), sums_.data(), scaled_sums_.data(), columns, blocks};
  }

 private:
  std::vector<int8_t> codes_;
  std::vector<float> scales_;
  std::vector<int32_t> sums_;
  std::vector<float> scaled_sums_;
};

}  // namespace

std::shared_ptr<const PackedMatrix> PackedMatrix::pack(const Format& format, const void* weights,
                                                       int64_t row_bytes, int64_t rows,
                                                       int64_t length, ThreadPool& pool) {
  const PanelFormat* panel = find_panel_format(format.id);
  if (panel == nullptr || length % panel->values_min != 0) return nullptr;
  std::shared_ptr<PackedMatrix> packed(new PackedMatrix(*panel, rows, length));
  void* memory = ::mmap(nullptr, static_cast<size_t>(packed->bytes()), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  ::madvise(memory, static_cast<size_t>(packed->bytes()), MADV_HUGEPAGE);
  packed->bytes_ = static_cast<uint8_t*>(memory);
  const int64_t piece = packed->panels() / (8 * pool.threads()) + 1;
  pool.run(packed->panels(), piece, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      const int64_t first = index * kPanelRows;
      pack_panel(*panel, static_cast<const uint8_t*>(weights) + first * row_bytes, row_bytes,
                 std::min(kPanelRows, rows - first), length,
                 packed->bytes_ + index * packed->panel_bytes_);
    }
  });
  return packed;
}

PackedMatrix::~PackedMatrix() {
  if (bytes_ != nullptr) ::munmap(bytes_, static_cast<size_t>(bytes()));
}

void PackedMatrix::multiply(const PanelKernels& kernels, ThreadPool& pool, const float* x,
                            int64_t columns, float* out) const {
  // Below this many products a second thread costs more than it saves.
  constexpr int64_t kProductsPerPieceMin = 128 << 10;
  constexpr int64_t kColumnsPerPiece = 8;
  if (columns == 0) return;
  thread_local Scratch scratch;
  const QuantizedColumns quantized = scratch.reserve(columns, length_ / kPanelBlock);
  pool.run(columns, kColumnsPerPiece, [&](int64_t begin, int64_t end) {
    for (int64_t column = begin; column < end; ++column) {
      kernels.quantize(x + column * length_, column, quantized);
    }
  });
  const PanelMatmul matmul = kernels.matmul(format_);
  const int64_t panel_cost = kPanelRows * length_ * columns;
  const int64_t piece =
      std::max(kProductsPerPieceMin / panel_cost + 1, panels() / (4 * pool.threads()));
  pool.run(panels(), piece, [&](int64_t begin, int64_t end) {
    matmul({bytes_, panel_bytes_, rows_, quantized, out, rows_, begin, end});
  });
}

}  // namespace plinth::engine::kernels
