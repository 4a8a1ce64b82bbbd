// SPDX-License-Identifier: Apache-2.0
// The forward pass. Every row is computed from its own token and its own sequence's keys and
// values; rows share nothing but the weights, which makes results independent of the batch.
#include "engine/cpu/decoder.h"

#include <algorithm>

#include "base/check.h"
#include "engine/cpu/attention.h"
#include "engine/cpu/feed_forward.h"
#include "engine/cpu/host_kv.h"
#include "engine/cpu/host_weights.h"
#include "engine/cpu/lora_pass.h"

namespace plinth::engine::cpu {
namespace {

class Decoder final : public Model {
 public:
  // The weights are the plan's.
  Decoder(DecoderPlan plan, std::unique_ptr<HostWeights> weights, const BuildContext& build)
      : weights_(std::move(weights)),
        plan_(std::move(plan)),
        kernels_(build.kernels),
        pool_(build.pool),
        rows_max_(build.rows_max),
        lora_(plan_, kernels_, pool_),
        attention_(plan_, build, lora_),
        feed_forward_(plan_, build, lora_),
        x_(static_cast<size_t>(rows_max_ * plan_.width)),
        projected_(x_.size()),
        normed_(kernels_, build.precision, rows_max_, plan_.width) {}

  const KvShape& kv_shape() const override { return attention_.kv_shape(); }
  int64_t vocabulary() const override { return plan_.vocabulary; }
  int64_t weight_bytes_per_token() const override;
  Status check_adapter(const Adapter& adapter) const override { return lora_.check(adapter); }
  std::span<const float> forward(std::span<const BatchRow> batch, KvMemory& memory) override;
  std::span<const float> hidden(std::span<const BatchRow> batch, KvMemory& memory) override;

 private:
  // Leaves the wanted rows in normed_ and says how many they are.
  int64_t run_layers(std::span<const BatchRow> batch, KvMemory& memory);
  void embed(const BatchRow& row, float* x) const;
  // Fills a column of normed_ from its row of x_.
  void normalize(int64_t row, const std::vector<float>& weight);
  // x += post_norm(projected)
  void add_projected(int64_t row, const std::vector<float>& post_norm);
  std::span<const BatchRow> keep_wanted(std::span<const BatchRow> batch);
  void normalize_output(int64_t rows);
  template <typename Work>
  void for_rows(int64_t rows, const Work& work);

  const std::unique_ptr<HostWeights> weights_;
  const DecoderPlan plan_;
  const kernels::KernelTable& kernels_;
  kernels::ThreadPool& pool_;
  int64_t rows_max_;
  LoraPass lora_;
  Attention attention_;
  FeedForward feed_forward_;
  std::vector<float> x_, projected_;  // [rows_max][width]
  ColumnBuffer normed_;
  std::vector<int64_t> kept_;  // rows whose logits are wanted
  std::vector<BatchRow> kept_rows_;
  std::vector<float> logits_;  // as many as were wanted at once so far
};

template <typename Work>
void Decoder::for_rows(int64_t rows, const Work& work) {
  constexpr int64_t kRowsPerPiece = 8;
  pool_.run(rows, kRowsPerPiece, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) work(row);
  });
}

std::span<const float> Decoder::forward(std::span<const BatchRow> batch, KvMemory& memory) {
  const int64_t rows = run_layers(batch, memory);
  const auto count = static_cast<size_t>(rows * plan_.vocabulary);
  if (count == 0) return {};
  if (logits_.size() < count) logits_.resize(count);
  const Product product{&plan_.output, normed_.view(rows, plan_.width), logits_.data()};
  multiply(kernels_, pool_, std::span(&product, 1));
  lora_.add(plan_.output.weight, normed_.column(0, plan_.width), logits_.data());
  if (plan_.logit_cap > 0) {
    kernels_.soft_cap(logits_.data(), plan_.logit_cap, rows * plan_.vocabulary);
  }
  return {logits_.data(), count};
}

std::span<const float> Decoder::hidden(std::span<const BatchRow> batch, KvMemory& memory) {
  const int64_t rows = run_layers(batch, memory);
  return {normed_.column(0, plan_.width), static_cast<size_t>(rows * plan_.width)};
}

int64_t Decoder::run_layers(std::span<const BatchRow> batch, KvMemory& memory) {
  auto rows = static_cast<int64_t>(batch.size());
  CHECK(rows <= rows_max_);
  attention_.begin(batch, static_cast<HostKv&>(memory));
  lora_.begin(batch);
  for (size_t i = 0; i < plan_.layers.size(); ++i) {
    const DecoderLayer& layer = plan_.layers[i];
    const auto index = static_cast<int64_t>(i);
    for_rows(rows, [&](int64_t row) {
      if (i == 0) {
        embed(batch[static_cast<size_t>(row)], x_.data() + row * plan_.width);
      } else {
        add_projected(row, plan_.layers[i - 1].feed_forward_post_norm);
      }
      normalize(row, layer.attention_norm);
    });
    attention_.project(layer.attention, index, batch, normed_.view(rows, plan_.width));
    if (i + 1 == plan_.layers.size()) {
      batch = keep_wanted(batch);
      rows = static_cast<int64_t>(batch.size());
      if (rows == 0) return 0;
    }
    attention_.look_back(layer.attention, index, batch, projected_.data());
    for_rows(rows, [&](int64_t row) {
      add_projected(row, layer.attention_post_norm);
      normalize(row, layer.feed_forward_norm);
    });
    std::visit(
        [&](const auto& part) {
          feed_forward_.run(part, normed_.view(rows, plan_.width), projected_.data());
        },
        layer.feed_forward);
  }
  normalize_output(rows);
  return rows;
}

// What the last layer makes of a row only its output needs.
std::span<const BatchRow> Decoder::keep_wanted(std::span<const BatchRow> batch) {
  kept_.clear();
  kept_rows_.clear();
  for (size_t i = 0; i < batch.size(); ++i) {
    if (!batch[i].is_logits_wanted) continue;
    const auto from = static_cast<int64_t>(i);
    const auto to = static_cast<int64_t>(kept_.size());
    if (from != to) {
      std::copy_n(x_.data() + from * plan_.width, plan_.width, x_.data() + to * plan_.width);
    }
    kept_.push_back(from);
    kept_rows_.push_back(batch[i]);
  }
  attention_.keep(kept_);
  lora_.keep_wanting();
  return kept_rows_;
}

int64_t Decoder::weight_bytes_per_token() const {
  const auto bytes = [](const Linear& linear) {
    return linear.weight.rows * linear.weight.row_bytes();
  };
  int64_t total = bytes(plan_.output);
  for (const DecoderLayer& layer : plan_.layers) {
    const AttentionPlan& attention = layer.attention;
    total += bytes(attention.query) + bytes(attention.key) + bytes(attention.value) +
             bytes(attention.output);
    if (const auto* dense = std::get_if<FeedForwardPlan>(&layer.feed_forward)) {
      total += bytes(dense->gate) + bytes(dense->up) + bytes(dense->down);
    } else {
      const auto& experts = std::get<ExpertsPlan>(layer.feed_forward);
      total +=
          bytes(experts.router) +
          experts.used * (bytes(experts.gate[0]) + bytes(experts.up[0]) + bytes(experts.down[0]));
    }
  }
  return total;
}

void Decoder::embed(const BatchRow& row, float* x) const {
  widen_row(plan_.embeddings, row.token, x);
  if (plan_.embedding_scale == 1) return;
  for (int64_t i = 0; i < plan_.width; ++i) x[i] *= plan_.embedding_scale;
}

void Decoder::normalize(int64_t row, const std::vector<float>& weight) {
  kernels_.rms_norm(x_.data() + row * plan_.width, weight.data(), plan_.epsilon, plan_.width,
                    normed_.column(row, plan_.width));
  normed_.round(row, plan_.width);
}

void Decoder::add_projected(int64_t row, const std::vector<float>& post_norm) {
  float* projected = projected_.data() + row * plan_.width;
  if (!post_norm.empty()) {
    kernels_.rms_norm(projected, post_norm.data(), plan_.epsilon, plan_.width, projected);
  }
  kernels_.add(x_.data() + row * plan_.width, projected, plan_.width);
}

void Decoder::normalize_output(int64_t rows) {
  for_rows(rows, [&](int64_t row) {
    add_projected(row, plan_.layers.back().feed_forward_post_norm);
    normalize(row, plan_.output_norm);
  });
}

}  // namespace

uint64_t activation_bytes(const DecoderPlan& plan, Precision precision, int64_t rows_max) {
  // Every size is bounded, so the sum cannot overflow.
  const double width = static_cast<double>(plan.width);
  const double per_row = Attention::bytes_per_row(plan, precision) +
                         FeedForward::bytes_per_row(plan, precision) +
                         width * (2 * sizeof(float) + ColumnBuffer::bytes_per_value(precision));
  return static_cast<uint64_t>(per_row * static_cast<double>(rows_max));
}

Result<std::unique_ptr<Model>> make_decoder(DecoderPlan plan, const BuildContext& build) {
  const uint64_t bytes = activation_bytes(plan, build.precision, build.rows_max);
  if (bytes > kActivationBytesMax) {
    return make_error(ErrorCode::too_large,
                      "sequences_max: the activations of " + std::to_string(build.rows_max) +
                          " tokens need " + std::to_string(bytes >> 20) + " MiB of at most " +
                          std::to_string(kActivationBytesMax >> 20) + "; lower it",
                      "sequences_max");
  }
  auto weights = HostWeights::take(plan, build);
  return std::unique_ptr<Model>(
      std::make_unique<Decoder>(std::move(plan), std::move(weights), build));
}

}  // namespace plinth::engine::cpu
