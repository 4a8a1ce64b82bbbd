// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/matmul.h"

#include <algorithm>
#include <vector>

namespace plinth::engine::kernels {
namespace {

// Enough rows to fill the widest tile of every ISA level several times, few enough that they are
// still in the second-level cache when they are multiplied.
constexpr int64_t kRowsWidened = 16;

void matmul_widened(const KernelTable& kernels, const Format& format, const MatmulArguments& m) {
  // One buffer per thread, as long as the longest rows it has seen.
  thread_local std::vector<float> rows;
  const auto needed = static_cast<size_t>(kRowsWidened * m.length);
  if (rows.size() < needed) rows.resize(needed);
  const auto* packed = static_cast<const uint8_t*>(m.weights);
  for (int64_t begin = m.row_begin; begin < m.row_end; begin += kRowsWidened) {
    const int64_t count = std::min(kRowsWidened, m.row_end - begin);
    for (int64_t row = 0; row < count; ++row) {
      format.widen(packed + (begin + row) * m.row_bytes, m.length, rows.data() + row * m.length);
    }
    MatmulArguments widened = m;
    widened.weights = rows.data();
    widened.row_bytes = m.length * static_cast<int64_t>(sizeof(float));
    widened.out = m.out + begin;
    widened.row_begin = 0;
    widened.row_end = count;
    kernels.matmul_f32(widened);
  }
}

}  // namespace

void matmul(const KernelTable& kernels, const Format& format, const MatmulArguments& arguments) {
  switch (format.id) {
    case FormatId::f32:
      return kernels.matmul_f32(arguments);
    case FormatId::f16:
      return kernels.matmul_f16(arguments);
    case FormatId::q8_0:
      return kernels.matmul_q8_0(arguments);
    default:
      return matmul_widened(kernels, format, arguments);
  }
}

}  // namespace plinth::engine::kernels
