// SPDX-License-Identifier: Apache-2.0
// Experts: rows are grouped by expert, so that a batch reads an expert's weights once; each row
// then adds up its own results in the order of its own scores, so that it does not feel the batch.
#include "engine/models/feed_forward.h"

#include <algorithm>
#include <cmath>

namespace plinth::engine {
namespace {

struct BufferSizes {
  int64_t gate = 0;     // floats of a row in gate_ and in up_
  int64_t experts = 0;  // router scores of a row
  int64_t used = 0;     // copies of a row
};

BufferSizes buffer_sizes(const DecoderPlan& plan) {
  BufferSizes sizes;
  for (const DecoderLayer& layer : plan.layers) {
    if (const auto* dense = std::get_if<FeedForwardPlan>(&layer.feed_forward)) {
      sizes.gate = std::max(sizes.gate, dense->gate.weight.rows);
      continue;
    }
    const auto& experts = std::get<ExpertsPlan>(layer.feed_forward);
    sizes.gate = std::max(sizes.gate, experts.used * experts.gate[0].weight.rows);
    sizes.experts = std::max(sizes.experts, experts.router.weight.rows);
    sizes.used = std::max(sizes.used, experts.used);
  }
  return sizes;
}

}  // namespace

void gate_rows(const kernels::KernelTable& kernels, kernels::ThreadPool& pool, Gating gating,
               float* gate, const float* up, int64_t rows, int64_t length) {
  constexpr int64_t kValuesPerPieceMin = 16 << 10;
  auto apply_gate = kernels.silu_multiply;
  if (gating == Gating::gelu) apply_gate = kernels.gelu_multiply;
  if (gating == Gating::clamped_silu) apply_gate = kernels.clamped_silu_multiply;
  pool.run(rows, kValuesPerPieceMin / length + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      apply_gate(gate + row * length, up + row * length, length);
    }
  });
}

int64_t FeedForward::floats_per_row(const DecoderPlan& plan) {
  const BufferSizes sizes = buffer_sizes(plan);
  return 2 * sizes.gate + sizes.experts + 2 * sizes.used * plan.width;
}

FeedForward::FeedForward(const DecoderPlan& plan, const kernels::KernelTable& kernels,
                         kernels::ThreadPool& pool, LoraPass& lora, int64_t rows_max)
    : width_(plan.width), kernels_(kernels), pool_(pool), lora_(lora) {
  const BufferSizes sizes = buffer_sizes(plan);
  gate_.resize(static_cast<size_t>(rows_max * sizes.gate));
  up_.resize(gate_.size());
  scores_.resize(static_cast<size_t>(rows_max * sizes.experts));
  uses_.resize(static_cast<size_t>(rows_max * sizes.used));
  grouped_.resize(uses_.size() * static_cast<size_t>(width_));
  results_.resize(grouped_.size());
}

void FeedForward::run(const FeedForwardPlan& layer, const float* normed, int64_t rows, float* out) {
  apply(kernels_, pool_, layer.gate, normed, rows, gate_.data());
  apply(kernels_, pool_, layer.up, normed, rows, up_.data());
  lora_.add(layer.gate.weight, normed, gate_.data(), layer.gate.weight.rows);
  lora_.add(layer.up.weight, normed, up_.data(), layer.up.weight.rows);
  gate_rows(kernels_, pool_, layer.gating, gate_.data(), up_.data(), rows, layer.gate.weight.rows);
  apply(kernels_, pool_, layer.down, gate_.data(), rows, out);
  lora_.add(layer.down.weight, gate_.data(), out, layer.down.weight.rows);
}

void FeedForward::run(const ExpertsPlan& layer, const float* normed, int64_t rows, float* out) {
  group(layer, normed, rows);
  compute_experts(layer);
  for (int64_t row = 0; row < rows; ++row) {
    float* sum = out + row * width_;
    std::fill_n(sum, width_, 0.0f);
    for (int64_t i = 0; i < layer.used; ++i) {
      const Use& use = uses_[static_cast<size_t>(row * layer.used + i)];
      kernels_.attention_mix(&use.weight, results_.data() + use.place * width_, width_, 1, width_,
                             sum);
    }
  }
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
void FeedForward::group(const ExpertsPlan& layer, const float* normed, int64_t rows) {
  const int64_t experts = layer.router.weight.rows;
  apply(kernels_, pool_, layer.router, normed, rows, scores_.data());
  begin_.assign(static_cast<size_t>(experts + 1), 0);
  const auto used = static_cast<size_t>(layer.used);
  const std::span<Use> uses = std::span(uses_).first(static_cast<size_t>(rows) * used);
  for (int64_t row = 0; row < rows; ++row) {
    const auto own = uses.subspan(static_cast<size_t>(row) * used, used);
    choose(layer, scores_.data() + row * experts, own);
    for (const Use& use : own) ++begin_[static_cast<size_t>(use.expert + 1)];
  }
  for (size_t i = 1; i < begin_.size(); ++i) begin_[i] += begin_[i - 1];
  std::vector<int64_t> next(begin_.begin(), begin_.end() - 1);
  for (size_t i = 0; i < uses.size(); ++i) {
    uses[i].place = next[static_cast<size_t>(uses[i].expert)]++;
    std::copy_n(normed + static_cast<int64_t>(i / used) * width_, width_,
                grouped_.data() + uses[i].place * width_);
  }
}

void FeedForward::compute_experts(const ExpertsPlan& layer) {
  const int64_t length = layer.gate[0].weight.rows;
  const auto for_used = [&](const auto& body) {
    for (size_t expert = 0; expert + 1 < begin_.size(); ++expert) {
      const int64_t count = begin_[expert + 1] - begin_[expert];
      if (count > 0) body(expert, begin_[expert], count);
    }
  };
  for_used([&](size_t expert, int64_t begin, int64_t count) {
    const float* x = grouped_.data() + begin * width_;
    apply(kernels_, pool_, layer.gate[expert], x, count, gate_.data() + begin * length);
    apply(kernels_, pool_, layer.up[expert], x, count, up_.data() + begin * length);
  });
  gate_rows(kernels_, pool_, layer.gating, gate_.data(), up_.data(), begin_.back(), length);
  for_used([&](size_t expert, int64_t begin, int64_t count) {
    apply(kernels_, pool_, layer.down[expert], gate_.data() + begin * length, count,
          results_.data() + begin * width_);
  });
}

}  // namespace plinth::engine
