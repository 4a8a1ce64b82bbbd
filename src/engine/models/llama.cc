// SPDX-License-Identifier: Apache-2.0
// The forward pass. Every row is computed from its own token and its own sequence's keys and
// values; rows share nothing but the weights, which makes results independent of the batch.
#include "engine/models/llama.h"

#include <cmath>

namespace plinth::engine {
namespace {

class Llama final : public Model {
 public:
  Llama(const LlamaShape& shape, const kernels::KernelTable& kernels, kernels::ThreadPool& pool,
        int64_t rows_max)
      : shape_(shape), kernels_(kernels), pool_(pool), rows_max_(rows_max) {}

  Status read_weights(const gguf::File& file);
  void allocate();

  const KvShape& kv_shape() const override { return kv_shape_; }
  int64_t vocabulary() const override { return shape_.vocabulary; }
  std::span<const float> forward(std::span<const BatchRow> batch) override;

 private:
  void embed(std::span<const BatchRow> batch);
  void attend(std::span<const BatchRow> batch, int64_t layer);
  void attend_head(const BatchRow& row, int64_t index, int64_t layer, int64_t head);
  void feed_forward(int64_t rows, const LlamaLayer& layer);
  void normalize(const float* x, const std::vector<float>& weight, int64_t rows, float* out);
  void turn_heads(float* heads, int64_t count, const float* turns) const;
  std::span<const float> output(std::span<const BatchRow> batch);

  LlamaShape shape_;
  KvShape kv_shape_;
  const kernels::KernelTable& kernels_;
  kernels::ThreadPool& pool_;
  int64_t rows_max_;

  Matrix embeddings_;
  Matrix output_;
  std::vector<float> output_norm_;
  std::vector<LlamaLayer> layers_;
  std::vector<double> frequencies_;  // radians per position, one per pair

  // Activations of one batch, [rows_max][…].
  std::vector<float> x_, normed_, query_, key_, value_, mixed_, projected_, gate_, up_, turns_;
  std::vector<float> logits_;
};

Status Llama::read_weights(const gguf::File& file) {
  WeightReader reader(file);
  const LlamaShape& s = shape_;
  embeddings_ = TRY(reader.matrix("token_embd.weight", s.vocabulary, s.width));
  output_norm_ = TRY(reader.vector("output_norm.weight", s.width));
  output_ = embeddings_;
  if (reader.has("output.weight")) {
    output_ = TRY(reader.matrix("output.weight", s.vocabulary, s.width));
  }
  for (int64_t i = 0; i < s.layers; ++i) {
    const std::string prefix = "blk." + std::to_string(i) + ".";
    LlamaLayer layer;
    layer.attention_norm = TRY(reader.vector(prefix + "attn_norm.weight", s.width));
    layer.feed_forward_norm = TRY(reader.vector(prefix + "ffn_norm.weight", s.width));
    layer.query = TRY(reader.matrix(prefix + "attn_q.weight", s.heads * s.key_length, s.width));
    layer.key = TRY(reader.matrix(prefix + "attn_k.weight", s.kv_heads * s.key_length, s.width));
    layer.value =
        TRY(reader.matrix(prefix + "attn_v.weight", s.kv_heads * s.value_length, s.width));
    layer.attention_output =
        TRY(reader.matrix(prefix + "attn_output.weight", s.width, s.heads * s.value_length));
    layer.gate = TRY(reader.matrix(prefix + "ffn_gate.weight", s.feed_forward, s.width));
    layer.up = TRY(reader.matrix(prefix + "ffn_up.weight", s.feed_forward, s.width));
    layer.down = TRY(reader.matrix(prefix + "ffn_down.weight", s.width, s.feed_forward));
    layers_.push_back(std::move(layer));
  }
  // Pair i turns by position * base^(-2i / rope_length), divided by the file's factor when it has
  // any.
  const int64_t pairs = s.rope_length / 2;
  std::vector<float> factors(static_cast<size_t>(pairs), 1.0f);
  if (reader.has("rope_freqs.weight")) factors = TRY(reader.vector("rope_freqs.weight", pairs));
  for (int64_t i = 0; i < pairs; ++i) {
    const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(s.rope_length);
    frequencies_.push_back(std::pow(s.rope_base, exponent) / s.rope_scale /
                           static_cast<double>(factors[static_cast<size_t>(i)]));
  }
  return reader.check_all_used();
}

void Llama::allocate() {
  const LlamaShape& s = shape_;
  kv_shape_ = {s.layers, s.kv_heads * s.key_length, s.kv_heads * s.value_length};
  const auto rows_of = [&](int64_t width) {
    return std::vector<float>(static_cast<size_t>(rows_max_ * width));
  };
  x_ = rows_of(s.width);
  normed_ = rows_of(s.width);
  query_ = rows_of(s.heads * s.key_length);
  key_ = rows_of(kv_shape_.key_width);
  value_ = rows_of(kv_shape_.value_width);
  mixed_ = rows_of(s.heads * s.value_length);
  projected_ = rows_of(s.width);
  gate_ = rows_of(s.feed_forward);
  up_ = rows_of(s.feed_forward);
  turns_ = rows_of(s.rope_length);
  logits_ = rows_of(s.vocabulary);
}

std::span<const float> Llama::forward(std::span<const BatchRow> batch) {
  const auto rows = static_cast<int64_t>(batch.size());
  CHECK(rows <= rows_max_);
  embed(batch);
  for (int64_t i = 0; i < shape_.layers; ++i) {
    const LlamaLayer& layer = layers_[static_cast<size_t>(i)];
    normalize(x_.data(), layer.attention_norm, rows, normed_.data());
    multiply(kernels_, pool_, layer.query, normed_.data(), rows, query_.data());
    multiply(kernels_, pool_, layer.key, normed_.data(), rows, key_.data());
    multiply(kernels_, pool_, layer.value, normed_.data(), rows, value_.data());
    attend(batch, i);
    multiply(kernels_, pool_, layer.attention_output, mixed_.data(), rows, projected_.data());
    kernels_.add(x_.data(), projected_.data(), rows * shape_.width);
    normalize(x_.data(), layer.feed_forward_norm, rows, normed_.data());
    feed_forward(rows, layer);
    kernels_.add(x_.data(), projected_.data(), rows * shape_.width);
  }
  return output(batch);
}

void Llama::embed(std::span<const BatchRow> batch) {
  for (size_t row = 0; row < batch.size(); ++row) {
    const auto index = static_cast<int64_t>(row);
    widen_row(embeddings_, batch[row].token, x_.data() + index * shape_.width);
    float* turns = turns_.data() + index * shape_.rope_length;
    for (size_t i = 0; i < frequencies_.size(); ++i) {
      const double angle = static_cast<double>(batch[row].position) * frequencies_[i];
      turns[2 * i] = static_cast<float>(std::cos(angle));
      turns[2 * i + 1] = static_cast<float>(std::sin(angle));
    }
  }
}

void Llama::turn_heads(float* heads, int64_t count, const float* turns) const {
  for (int64_t head = 0; head < count; ++head) {
    kernels_.rope(heads + head * shape_.key_length, turns, shape_.rope_length / 2);
  }
}

void Llama::attend(std::span<const BatchRow> batch, int64_t layer) {
  // All keys and values of the batch are in place before any row looks back at them.
  for (size_t row = 0; row < batch.size(); ++row) {
    const auto index = static_cast<int64_t>(row);
    const float* turns = turns_.data() + index * shape_.rope_length;
    turn_heads(query_.data() + index * shape_.heads * shape_.key_length, shape_.heads, turns);
    float* key = batch[row].sequence->key(layer, batch[row].position);
    std::copy_n(key_.data() + index * kv_shape_.key_width, kv_shape_.key_width, key);
    turn_heads(key, shape_.kv_heads, turns);
    std::copy_n(value_.data() + index * kv_shape_.value_width, kv_shape_.value_width,
                batch[row].sequence->value(layer, batch[row].position));
  }
  const auto tasks = static_cast<int64_t>(batch.size()) * shape_.heads;
  int64_t products = 0;
  for (const BatchRow& row : batch) {
    products += (row.position + 1) * shape_.heads * (shape_.key_length + shape_.value_length);
  }
  constexpr int64_t kProductsPerPieceMin = 64 << 10;
  const int64_t piece = std::max(int64_t{1}, kProductsPerPieceMin * tasks / products);
  pool_.run(tasks, piece, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t index = task / shape_.heads;
      attend_head(batch[static_cast<size_t>(index)], index, layer, task % shape_.heads);
    }
  });
}

void Llama::attend_head(const BatchRow& row, int64_t index, int64_t layer, int64_t head) {
  // One buffer per thread, as long as the longest context it has seen.
  thread_local std::vector<float> scores;
  const int64_t count = row.position + 1;
  scores.resize(std::max(scores.size(), static_cast<size_t>(count)));
  const int64_t kv_head = head / (shape_.heads / shape_.kv_heads);
  const float* query = query_.data() + (index * shape_.heads + head) * shape_.key_length;
  const float scale = 1.0f / std::sqrt(static_cast<float>(shape_.key_length));
  for (int64_t begin = 0; begin < count; begin += kBlockTokens) {
    const float* keys = row.sequence->key_block(layer, begin / kBlockTokens);
    kernels_.attention_scores(query, keys + kv_head * shape_.key_length, kv_shape_.key_width,
                              std::min(kBlockTokens, count - begin), shape_.key_length, scale,
                              scores.data() + begin);
  }
  kernels_.softmax(scores.data(), count);
  float* out = mixed_.data() + (index * shape_.heads + head) * shape_.value_length;
  std::fill_n(out, shape_.value_length, 0.0f);
  for (int64_t begin = 0; begin < count; begin += kBlockTokens) {
    const float* values = row.sequence->value_block(layer, begin / kBlockTokens);
    kernels_.attention_mix(scores.data() + begin, values + kv_head * shape_.value_length,
                           kv_shape_.value_width, std::min(kBlockTokens, count - begin),
                           shape_.value_length, out);
  }
}

void Llama::feed_forward(int64_t rows, const LlamaLayer& layer) {
  multiply(kernels_, pool_, layer.gate, normed_.data(), rows, gate_.data());
  multiply(kernels_, pool_, layer.up, normed_.data(), rows, up_.data());
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t at = row * shape_.feed_forward;
    kernels_.silu_multiply(gate_.data() + at, up_.data() + at, shape_.feed_forward);
  }
  multiply(kernels_, pool_, layer.down, gate_.data(), rows, projected_.data());
}

void Llama::normalize(const float* x, const std::vector<float>& weight, int64_t rows, float* out) {
  for (int64_t row = 0; row < rows; ++row) {
    kernels_.rms_norm(x + row * shape_.width, weight.data(), shape_.epsilon, shape_.width,
                      out + row * shape_.width);
  }
}

std::span<const float> Llama::output(std::span<const BatchRow> batch) {
  int64_t wanted = 0;
  for (size_t row = 0; row < batch.size(); ++row) {
    if (!batch[row].is_logits_wanted) continue;
    normalize(x_.data() + static_cast<int64_t>(row) * shape_.width, output_norm_, 1,
              normed_.data() + wanted * shape_.width);
    ++wanted;
  }
  multiply(kernels_, pool_, output_, normed_.data(), wanted, logits_.data());
  return {logits_.data(), static_cast<size_t>(wanted * shape_.vocabulary)};
}

}  // namespace

Result<std::unique_ptr<Model>> build_llama(const gguf::File& file,
                                           const kernels::KernelTable& kernels,
                                           kernels::ThreadPool& pool, int64_t rows_max) {
  const LlamaShape shape = TRY(LlamaShape::read(file.contents()));
  auto model = std::make_unique<Llama>(shape, kernels, pool, rows_max);
  TRY(model->read_weights(file));
  model->allocate();
  return std::unique_ptr<Model>(std::move(model));
}

}  // namespace plinth::engine
