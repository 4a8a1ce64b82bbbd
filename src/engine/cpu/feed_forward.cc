// SPDX-License-Identifier: Apache-2.0
// Experts: rows are grouped by expert, so that a batch reads an expert's weights once; each row
// then adds up its own results in the order of its own scores, so that it does not feel the batch.
#include "engine/cpu/feed_forward.h"

#include <algorithm>
#include <cmath>

namespace plinth::engine::cpu {
namespace {

struct BufferSizes {
  int64_t inner = 0;    // gated values of a row
  int64_t experts = 0;  // router scores of a row
  int64_t used = 0;     // copies of a row
};

BufferSizes buffer_sizes(const DecoderPlan& plan) {
  BufferSizes sizes;
  for (const DecoderLayer& layer : plan.layers) {
    if (const auto* dense = std::get_if<FeedForwardPlan>(&layer.feed_forward)) {
      sizes.inner = std::max(sizes.inner, dense->gate.weight.rows);
      continue;
    }
    const auto& experts = std::get<ExpertsPlan>(layer.feed_forward);
    sizes.inner = std::max(sizes.inner, experts.used * experts.gate[0].weight.rows);
    sizes.experts = std::max(sizes.experts, experts.router.weight.rows);
    sizes.used = std::max(sizes.used, experts.used);
  }
  return sizes;
}

}  // namespace

double FeedForward::bytes_per_row(const DecoderPlan& plan, Precision precision) {
  const BufferSizes sizes = buffer_sizes(plan);
  const int64_t copies = sizes.used * plan.width;
  return static_cast<double>(sizes.inner + copies) * ColumnBuffer::bytes_per_value(precision) +
         static_cast<double>(sizes.experts + copies) * sizeof(float);
}

FeedForward::FeedForward(const DecoderPlan& plan, const BuildContext& build, LoraPass& lora)
    : width_(plan.width),
      kernels_(build.kernels),
      pool_(build.pool),
      lora_(lora),
      inner_(kernels_, build.precision, build.rows_max, buffer_sizes(plan).inner),
      grouped_(kernels_, build.precision, build.rows_max * buffer_sizes(plan).used, width_) {
  const BufferSizes sizes = buffer_sizes(plan);
  scores_.resize(static_cast<size_t>(build.rows_max * sizes.experts));
  uses_.resize(static_cast<size_t>(build.rows_max * sizes.used));
  results_.resize(uses_.size() * static_cast<size_t>(width_));
}

void FeedForward::run(const FeedForwardPlan& layer, const Columns& x, float* out) {
  if (lora_.is_empty()) {
    const GatedProduct gated{&layer.gate, &layer.up, &layer.down, x, 0};
    multiply_gated(kernels_, pool_, layer.gating, std::span(&gated, 1), inner_);
  } else {
    run_with_adapters(layer, x);
  }
  const Product down{&layer.down, inner_.view(x.count, layer.gate.weight.rows), out};
  multiply(kernels_, pool_, std::span(&down, 1));
  lora_.add(layer.down.weight, down.x.values, out);
}

// As multiply_gated does, step by step: adapters come between the products and the gating. Rows
// without one get the same bits.
void FeedForward::run_with_adapters(const FeedForwardPlan& layer, const Columns& x) {
  constexpr int64_t kRowsPerPiece = 4;
  const int64_t length = layer.gate.weight.rows;
  const auto floats = static_cast<size_t>(x.count * length);
  if (gate_.size() < floats) gate_.resize(floats);
  if (up_.size() < floats) up_.resize(floats);
  const Product products[] = {{&layer.gate, x, gate_.data()}, {&layer.up, x, up_.data()}};
  multiply(kernels_, pool_, products);
  for (const Product& product : products) {
    lora_.add(product.linear->weight, x.values, product.out);
  }
  const auto gate_row = gate_kernel(kernels_, layer.gating);
  pool_.run(x.count, kRowsPerPiece, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float* values = inner_.column(row, length);
      std::copy_n(gate_.data() + row * length, length, values);
      gate_row(values, up_.data() + row * length, length);
      inner_.round(row, length);
    }
  });
}

void FeedForward::run(const ExpertsPlan& layer, const Columns& x, float* out) {
  group(layer, x);
  compute_experts(layer);
  add_up(layer, x.count, out);
}

// The largest scores, the lower expert first among equal ones, and the softmax over them.
void FeedForward::choose(const ExpertsPlan& layer, const float* scores, std::span<Use> uses) const {
  const int64_t count = layer.router.weight.rows;
  std::vector<int64_t> order(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) order[static_cast<size_t>(i)] = i;
  // A score that is not a number ranks last, so that the order stays one.
  const auto rank = [&](int64_t expert) {
    return scores[expert] == scores[expert] ? scores[expert] : -INFINITY;
  };
  std::partial_sort(
      order.begin(), order.begin() + static_cast<ptrdiff_t>(uses.size()), order.end(),
      [&](int64_t a, int64_t b) { return rank(a) != rank(b) ? rank(a) > rank(b) : a < b; });
  std::vector<float> weights(uses.size());
  for (size_t i = 0; i < uses.size(); ++i) weights[i] = scores[order[i]];
  kernels_.softmax(weights.data(), static_cast<int64_t>(weights.size()));
  for (size_t i = 0; i < uses.size(); ++i) {
    uses[i] = {order[i], weights[i] * layer.scale, 0};
  }
}

// Fills uses_, begin_ and grouped_.
void FeedForward::group(const ExpertsPlan& layer, const Columns& x) {
  constexpr int64_t kCopiesPerPiece = 8;
  const int64_t experts = layer.router.weight.rows;
  multiply(kernels_, pool_, layer.router, x.values, x.count, scores_.data());
  begin_.assign(static_cast<size_t>(experts + 1), 0);
  const auto used = static_cast<size_t>(layer.used);
  const std::span<Use> uses = std::span(uses_).first(static_cast<size_t>(x.count) * used);
  for (int64_t row = 0; row < x.count; ++row) {
    const auto own = uses.subspan(static_cast<size_t>(row) * used, used);
    choose(layer, scores_.data() + row * experts, own);
    for (const Use& use : own) ++begin_[static_cast<size_t>(use.expert + 1)];
  }
  for (size_t i = 1; i < begin_.size(); ++i) begin_[i] += begin_[i - 1];
  std::vector<int64_t> next(begin_.begin(), begin_.end() - 1);
  for (Use& use : uses) use.place = next[static_cast<size_t>(use.expert)]++;
  pool_.run(static_cast<int64_t>(uses.size()), kCopiesPerPiece, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t place = uses[static_cast<size_t>(i)].place;
      std::copy_n(x.values + i / layer.used * width_, width_, grouped_.column(place, width_));
      grouped_.round(place, width_);
    }
  });
}

// All experts' gated products are one parallel operation, and all down projections the next.
void FeedForward::compute_experts(const ExpertsPlan& layer) {
  const int64_t length = layer.gate[0].weight.rows;
  const Columns grouped = grouped_.view(begin_.back(), width_);
  const Columns inner = inner_.view(begin_.back(), length);
  gated_.clear();
  down_.clear();
  for (size_t expert = 0; expert + 1 < begin_.size(); ++expert) {
    const int64_t begin = begin_[expert];
    const int64_t count = begin_[expert + 1] - begin;
    if (count == 0) continue;
    const Linear& down = layer.down[expert];
    gated_.push_back(
        {&layer.gate[expert], &layer.up[expert], &down, part_of(grouped, begin, count), begin});
    down_.push_back({&down, part_of(inner, begin, count), results_.data() + begin * width_});
  }
  multiply_gated(kernels_, pool_, layer.gating, gated_, inner_);
  multiply(kernels_, pool_, down_);
}

void FeedForward::add_up(const ExpertsPlan& layer, int64_t rows, float* out) {
  constexpr int64_t kRowsPerPiece = 8;
  pool_.run(rows, kRowsPerPiece, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float* sum = out + row * width_;
      std::fill_n(sum, width_, 0.0f);
      for (int64_t i = 0; i < layer.used; ++i) {
        const Use& use = uses_[static_cast<size_t>(row * layer.used + i)];
        kernels_.attention_mix(&use.weight, results_.data() + use.place * width_, width_, 1, width_,
                               sum);
      }
    }
  });
}

}  // namespace plinth::engine::cpu
