// SPDX-License-Identifier: Apache-2.0
#include "engine/cpu/lora_pass.h"

#include <algorithm>

namespace plinth::engine::cpu {

LoraPass::LoraPass(const DecoderPlan& plan, const kernels::KernelTable& kernels,
                   kernels::ThreadPool& pool)
    : kernels_(kernels), pool_(pool) {
  const auto add = [&](const Linear& linear) { tensors_.emplace(linear.weight.tensor->name); };
  for (const DecoderLayer& layer : plan.layers) {
    const AttentionPlan& attention = layer.attention;
    for (const Linear* linear :
         {&attention.query, &attention.key, &attention.value, &attention.output}) {
      add(*linear);
    }
    const auto* dense = std::get_if<FeedForwardPlan>(&layer.feed_forward);
    if (!dense) continue;
    for (const Linear* linear : {&dense->gate, &dense->up, &dense->down}) add(*linear);
  }
  // Tied embeddings are looked up, too, which an adapter of the output would not change.
  if (plan.output.weight.tensor != plan.embeddings.tensor) add(plan.output);
}

Status LoraPass::check(const Adapter& adapter) const {
  for (const auto& [name, low] : adapter.tensors()) {
    if (tensors_.contains(name)) continue;
    return make_error(ErrorCode::unsupported,
                      name +
                          ": adapters of this tensor are not computed; those of attention's and "
                          "dense feed-forwards' matrices and of an output of its own are",
                      name);
  }
  return ok();
}

void LoraPass::begin(std::span<const BatchRow> batch) {
  groups_.clear();
  int64_t wanting = 0;
  for (size_t row = 0; row < batch.size(); ++row) {
    const int64_t wanting_row = batch[row].is_logits_wanted ? wanting++ : -1;
    if (!batch[row].adapters) continue;
    const auto& applied = batch[row].adapters->applied;
    for (size_t place = 0; place < applied.size(); ++place) {
      const Adapter* adapter = applied[place].adapter.get();
      auto group = std::find_if(groups_.begin(), groups_.end(), [&](const Group& known) {
        return known.place == place && known.adapter == adapter;
      });
      if (group == groups_.end()) group = groups_.insert(group, {place, adapter, {}});
      group->uses.push_back({static_cast<int64_t>(row), wanting_row, applied[place].scale});
    }
  }
  std::stable_sort(groups_.begin(), groups_.end(),
                   [](const Group& a, const Group& b) { return a.place < b.place; });
}

void LoraPass::keep_wanting() {
  for (Group& group : groups_) {
    std::erase_if(group.uses, [](const Use& use) { return use.wanting_row < 0; });
    for (Use& use : group.uses) use.row = use.wanting_row;
  }
  std::erase_if(groups_, [](const Group& group) { return group.uses.empty(); });
}

void LoraPass::add(const Matrix& matrix, const float* x, float* out) {
  for (const Group& group : groups_) {
    const LowRank* low = group.adapter->find(matrix.tensor->name);
    if (low) add_group(group, *low, matrix, x, out);
  }
}

void LoraPass::add_group(const Group& group, const LowRank& low, const Matrix& matrix,
                         const float* x, float* out) {
  gathered_.clear();
  const auto columns = static_cast<int64_t>(group.uses.size());
  for (const Use& use : group.uses) {
    const float* own = x + use.row * low.length;
    gathered_.insert(gathered_.end(), own, own + low.length);
  }
  inner_.resize(std::max(inner_.size(), static_cast<size_t>(columns * low.rank)));
  results_.resize(std::max(results_.size(), static_cast<size_t>(columns * matrix.rows)));
  multiply_rows(low.a.data(), low.rank, low.length, gathered_.data(), columns, inner_.data());
  multiply_rows(low.b.data() + matrix.row_begin * low.rank, matrix.rows, low.rank, inner_.data(),
                columns, results_.data());
  const float* result = results_.data();
  for (const Use& use : group.uses) {
    const float scale = use.scale * low.scale;
    float* own = out + use.row * matrix.rows;
    for (int64_t i = 0; i < matrix.rows; ++i) own[i] += scale * result[i];
    result += matrix.rows;
  }
}

void LoraPass::multiply_rows(const float* weights, int64_t rows, int64_t length, const float* x,
                             int64_t columns, float* out) const {
  constexpr int64_t kProductsPerPieceMin = 64 << 10;
  constexpr int64_t kRowsPerTile = 4;
  int64_t piece =
      std::max(kProductsPerPieceMin / (length * columns) + 1, rows / (4 * pool_.threads()));
  piece = (piece + kRowsPerTile - 1) / kRowsPerTile * kRowsPerTile;
  pool_.run(rows, piece, [&](int64_t begin, int64_t end) {
    kernels_.matmul_f32({weights, length * static_cast<int64_t>(sizeof(float)), length, x, length,
                         columns, out, rows, begin, end});
  });
}

}  // namespace plinth::engine::cpu
