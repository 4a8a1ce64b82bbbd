// SPDX-License-Identifier: Apache-2.0
// Rows are shared among threads in units of 32, two panels: what a thread computes of a gated
// product is then whole blocks of the next product's activations.
#include "engine/cpu/products.h"

#include <algorithm>
#include <array>

#include "engine/cpu/host_weights.h"
#include "engine/kernels/matmul.h"

namespace plinth::engine::cpu {
namespace {

constexpr int64_t kUnitRows = 32;
// Below this many products a second thread costs more than it saves.
constexpr int64_t kProductsPerPieceMin = 128 << 10;
constexpr int64_t kScratchBytes = 256 << 10;  // of results on their way, a part of the L2 cache

int64_t units_of(int64_t rows) { return (rows + kUnitRows - 1) / kUnitRows; }

// Rows [begin, end) of one product.
struct Rows {
  size_t product;
  int64_t begin, end;
};

struct Share {
  int64_t rows;
  int64_t cost;  // of one unit, in products of two values
};

// Calls body(Rows) for pieces that cover all rows of all shares once.
template <typename Body>
void share_rows(kernels::ThreadPool& pool, std::span<const Share> shares, const Body& body) {
  int64_t units = 0;
  int64_t cost = 0;
  for (const Share& share : shares) {
    units += units_of(share.rows);
    cost += units_of(share.rows) * share.cost;
  }
  if (cost == 0) return;
  const int64_t piece =
      std::max(kProductsPerPieceMin * units / cost + 1, units / (4 * pool.threads()));
  pool.run(units, piece, [&](int64_t begin, int64_t end) {
    int64_t first = 0;  // unit of the share
    for (size_t i = 0; i < shares.size() && first < end; ++i) {
      const int64_t own = units_of(shares[i].rows);
      const int64_t from = std::max(begin - first, int64_t{0});
      const int64_t to = std::min(end - first, own);
      if (from < to && shares[i].cost > 0) {
        body(Rows{i, from * kUnitRows, std::min(to * kUnitRows, shares[i].rows)});
      }
      first += own;
    }
  });
}

// One parallel operation has few products except for experts; no allocation for the former.
class Shares {
 public:
  explicit Shares(size_t count) {
    if (count > few_.size()) many_.resize(count);
    shares_ = count > few_.size() ? std::span(many_) : std::span(few_).first(count);
  }
  Share& operator[](size_t i) { return shares_[i]; }
  std::span<const Share> all() const { return shares_; }

 private:
  std::array<Share, 4> few_;
  std::vector<Share> many_;
  std::span<Share> shares_;
};

// out[c * stride + r - begin] for rows [begin, end); begin is a multiple of 32.
void compute(const kernels::KernelTable& kernels, const Linear& linear, const Columns& x,
             int64_t begin, int64_t end, float* out, int64_t stride) {
  const HostMatrix& matrix = host_matrix_of(linear.weight);
  if (!matrix.packed.is_empty()) {
    matrix.packed.multiply(kernels::panels_for(kernels), x, begin / kernels::kPanelRows,
                           kernels::PackedMatrix::panels_of(end), out, stride);
  } else {
    kernels::matmul(kernels, *matrix.format,
                    {matrix.data + begin * matrix.row_bytes, matrix.row_bytes, matrix.length,
                     x.values, matrix.length, x.count, out, stride, 0, end - begin});
  }
  if (linear.bias.empty()) return;
  for (int64_t column = 0; column < x.count; ++column) {
    kernels.add(out + column * stride, linear.bias.data() + begin, end - begin);
  }
}

// Gate and up values of some rows, one per thread, as long as its largest so far.
float* scratch_of(int64_t floats) {
  thread_local std::vector<float> scratch;
  if (scratch.size() < static_cast<size_t>(floats)) scratch.resize(static_cast<size_t>(floats));
  return scratch.data();
}

}  // namespace

ColumnBuffer::ColumnBuffer(const kernels::KernelTable& kernels, Precision precision,
                           int64_t columns_max, int64_t length_max)
    : panels_(&kernels::panels_for(kernels)),
      values_(static_cast<size_t>(columns_max * length_max)),
      is_rounded_(precision == Precision::fast),
      rounded_(is_rounded_ ? values_.size() / kernels::kPanelBlock : 0) {}

bool ColumnBuffer::is_rounding(int64_t length) const {
  return is_rounded_ && length % kernels::kPanelBlock == 0;
}

void ColumnBuffer::round(int64_t index, int64_t length) {
  if (!is_rounding(length)) return;
  const int64_t blocks = length / kernels::kPanelBlock;
  panels_->quantize(column(index, length), blocks, rounded_.data() + index * blocks);
}

void ColumnBuffer::set(int64_t index, int64_t length, int64_t begin, int64_t count,
                       const float* values, Form form) {
  if (form == Form::f32) {
    std::copy_n(values, count, column(index, length) + begin);
    return;
  }
  const int64_t block = (index * length + begin) / kernels::kPanelBlock;
  panels_->quantize(values, count / kernels::kPanelBlock, rounded_.data() + block);
}

Columns ColumnBuffer::view(int64_t count, int64_t length) {
  return {values_.data(), length, count, is_rounding(length) ? rounded_.data() : nullptr};
}

double ColumnBuffer::bytes_per_value(Precision precision) {
  constexpr double kRounded = sizeof(kernels::QuantizedBlock) / double{kernels::kPanelBlock};
  return sizeof(float) + (precision == Precision::fast ? kRounded : 0);
}

void multiply(const kernels::KernelTable& kernels, kernels::ThreadPool& pool,
              std::span<const Product> products) {
  Shares shares(products.size());
  for (size_t i = 0; i < products.size(); ++i) {
    const Matrix& matrix = products[i].linear->weight;
    shares[i] = {matrix.rows, kUnitRows * matrix.length * products[i].x.count};
  }
  share_rows(pool, shares.all(), [&](const Rows& rows) {
    const Product& product = products[rows.product];
    compute(kernels, *product.linear, product.x, rows.begin, rows.end, product.out + rows.begin,
            product.linear->weight.rows);
  });
}

void multiply(const kernels::KernelTable& kernels, kernels::ThreadPool& pool, const Linear& linear,
              const float* x, int64_t columns, float* out) {
  const int64_t length = linear.weight.length;
  Product product{&linear, {x, length, columns, nullptr}, out};
  if (!host_matrix_of(linear.weight).packed.is_rounding())
    return multiply(kernels, pool, std::span(&product, 1));
  const int64_t blocks = length / kernels::kPanelBlock;
  std::vector<kernels::QuantizedBlock> rounded(static_cast<size_t>(columns * blocks));
  constexpr int64_t kColumnsPerPiece = 8;
  pool.run(columns, kColumnsPerPiece, [&](int64_t begin, int64_t end) {
    kernels::panels_for(kernels).quantize(x + begin * length, (end - begin) * blocks,
                                          rounded.data() + begin * blocks);
  });
  product.x.rounded = rounded.data();
  multiply(kernels, pool, std::span(&product, 1));
}

GateKernel gate_kernel(const kernels::KernelTable& kernels, Gating gating) {
  if (gating == Gating::gelu) return kernels.gelu_multiply;
  if (gating == Gating::clamped_silu) return kernels.clamped_silu_multiply;
  return kernels.silu_multiply;
}

void multiply_gated(const kernels::KernelTable& kernels, kernels::ThreadPool& pool, Gating gating,
                    std::span<const GatedProduct> products, ColumnBuffer& out) {
  Shares shares(products.size());
  for (size_t i = 0; i < products.size(); ++i) {
    const Matrix& matrix = products[i].gate->weight;
    shares[i] = {matrix.rows, 2 * kUnitRows * matrix.length * products[i].x.count};
  }
  const auto gate_rows = gate_kernel(kernels, gating);
  share_rows(pool, shares.all(), [&](const Rows& rows) {
    const GatedProduct& product = products[rows.product];
    const int64_t columns = product.x.count;
    const int64_t fit = kScratchBytes / static_cast<int64_t>(2 * sizeof(float)) / columns;
    const int64_t together = std::max(kUnitRows, fit / kUnitRows * kUnitRows);
    for (int64_t begin = rows.begin; begin < rows.end; begin += together) {
      const int64_t count = std::min(together, rows.end - begin);
      float* gate = scratch_of(2 * columns * count);
      float* up = gate + columns * count;
      compute(kernels, *product.gate, product.x, begin, begin + count, gate, count);
      compute(kernels, *product.up, product.x, begin, begin + count, up, count);
      gate_rows(gate, up, columns * count);
      const auto form = host_matrix_of(product.down->weight).packed.is_rounding()
                            ? ColumnBuffer::Form::rounded
                            : ColumnBuffer::Form::f32;
      for (int64_t column = 0; column < columns; ++column) {
        out.set(product.out_begin + column, product.gate->weight.rows, begin, count,
                gate + column * count, form);
      }
    }
  });
}

}  // namespace plinth::engine::cpu
