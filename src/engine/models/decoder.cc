// SPDX-License-Identifier: Apache-2.0
// The forward pass. Every row is computed from its own token and its own sequence's keys and
// values; rows share nothing but the weights, which makes results independent of the batch.
#include "engine/models/decoder.h"

#include "base/check.h"
#include "engine/models/attention.h"
#include "engine/models/feed_forward.h"

namespace plinth::engine {
namespace {

class Decoder final : public Model {
 public:
  Decoder(DecoderPlan plan, const BuildOptions& options)
      : plan_(std::move(plan)),
        kernels_(options.kernels),
        pool_(options.pool),
        rows_max_(options.rows_max),
        attention_(plan_, kernels_, pool_, rows_max_, options.kv_format),
        feed_forward_(plan_, kernels_, pool_, rows_max_),
        x_(static_cast<size_t>(rows_max_ * plan_.width)),
        normed_(x_.size()),
        projected_(x_.size()),
        logits_(static_cast<size_t>(rows_max_ * plan_.vocabulary)) {}

  const KvShape& kv_shape() const override { return attention_.kv_shape(); }
  int64_t vocabulary() const override { return plan_.vocabulary; }
  std::span<const float> forward(std::span<const BatchRow> batch) override;

 private:
  void embed(std::span<const BatchRow> batch);
  void normalize(const float* x, const std::vector<float>& weight, int64_t rows, float* out) const;
  // x += post_norm(projected)
  void add_projected(const std::vector<float>& post_norm, int64_t rows);
  std::span<const float> output(std::span<const BatchRow> batch);

  const DecoderPlan plan_;
  const kernels::KernelTable& kernels_;
  kernels::ThreadPool& pool_;
  int64_t rows_max_;
  Attention attention_;
  FeedForward feed_forward_;
  std::vector<float> x_, normed_, projected_;  // [rows_max][width]
  std::vector<float> logits_;
};

std::span<const float> Decoder::forward(std::span<const BatchRow> batch) {
  const auto rows = static_cast<int64_t>(batch.size());
  CHECK(rows <= rows_max_);
  embed(batch);
  attention_.begin(batch);
  for (size_t i = 0; i < plan_.layers.size(); ++i) {
    const DecoderLayer& layer = plan_.layers[i];
    normalize(x_.data(), layer.attention_norm, rows, normed_.data());
    attention_.run(layer.attention, static_cast<int64_t>(i), batch, normed_.data(),
                   projected_.data());
    add_projected(layer.attention_post_norm, rows);
    normalize(x_.data(), layer.feed_forward_norm, rows, normed_.data());
    std::visit(
        [&](const auto& part) { feed_forward_.run(part, normed_.data(), rows, projected_.data()); },
        layer.feed_forward);
    add_projected(layer.feed_forward_post_norm, rows);
  }
  return output(batch);
}

void Decoder::embed(std::span<const BatchRow> batch) {
  for (size_t row = 0; row < batch.size(); ++row) {
    float* x = x_.data() + static_cast<int64_t>(row) * plan_.width;
    widen_row(plan_.embeddings, batch[row].token, x);
    if (plan_.embedding_scale == 1) continue;
    for (int64_t i = 0; i < plan_.width; ++i) x[i] *= plan_.embedding_scale;
  }
}

void Decoder::normalize(const float* x, const std::vector<float>& weight, int64_t rows,
                        float* out) const {
  for (int64_t row = 0; row < rows; ++row) {
    kernels_.rms_norm(x + row * plan_.width, weight.data(), plan_.epsilon, plan_.width,
                      out + row * plan_.width);
  }
}

void Decoder::add_projected(const std::vector<float>& post_norm, int64_t rows) {
  if (!post_norm.empty()) normalize(projected_.data(), post_norm, rows, projected_.data());
  kernels_.add(x_.data(), projected_.data(), rows * plan_.width);
}

std::span<const float> Decoder::output(std::span<const BatchRow> batch) {
  int64_t wanted = 0;
  for (size_t row = 0; row < batch.size(); ++row) {
    if (!batch[row].is_logits_wanted) continue;
    normalize(x_.data() + static_cast<int64_t>(row) * plan_.width, plan_.output_norm, 1,
              normed_.data() + wanted * plan_.width);
    ++wanted;
  }
  multiply(kernels_, pool_, plan_.output, normed_.data(), wanted, logits_.data());
  if (plan_.logit_cap > 0) {
    kernels_.soft_cap(logits_.data(), plan_.logit_cap, wanted * plan_.vocabulary);
  }
  return {logits_.data(), static_cast<size_t>(wanted * plan_.vocabulary)};
}

}  // namespace

uint64_t activation_bytes(const DecoderPlan& plan, int64_t rows_max) {
  // Every size is bounded, so the sum cannot overflow.
  const auto floats =
      static_cast<uint64_t>(Attention::floats_per_row(plan) + FeedForward::floats_per_row(plan) +
                            3 * plan.width + plan.vocabulary);
  return floats * sizeof(float) * static_cast<uint64_t>(rows_max);
}

Result<std::unique_ptr<Model>> make_decoder(DecoderPlan plan, const BuildOptions& options) {
  const uint64_t bytes = activation_bytes(plan, options.rows_max);
  if (bytes > kActivationBytesMax) {
    return make_error(ErrorCode::too_large,
                      "sequences_max: the activations of " + std::to_string(options.rows_max) +
                          " tokens need " + std::to_string(bytes >> 20) + " MiB of at most " +
                          std::to_string(kActivationBytesMax >> 20) + "; lower it",
                      "sequences_max");
  }
  return std::unique_ptr<Model>(std::make_unique<Decoder>(std::move(plan), options));
}

}  // namespace plinth::engine
