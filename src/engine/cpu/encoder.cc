// SPDX-License-Identifier: Apache-2.0
// One text at a time, all its tokens together; buffers live as long as the call.
#include "engine/cpu/encoder.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "engine/cpu/host_weights.h"
#include "engine/cpu/products.h"
#include "engine/cpu/turns.h"

namespace plinth::engine::cpu {
namespace {

std::vector<float> buffer(int64_t floats) {
  return std::vector<float>(static_cast<size_t>(floats));
}

class LayeredEncoder final : public Encoder {
 public:
  // The weights are the plan's.
  LayeredEncoder(EncoderPlan plan, std::unique_ptr<HostWeights> weights, const BuildContext& build)
      : weights_(std::move(weights)),
        plan_(std::move(plan)),
        kernels_(build.kernels),
        pool_(build.pool),
        precision_(build.precision) {}

  int64_t vocabulary() const override { return plan_.vocabulary; }
  int64_t tokens_max() const override { return plan_.tokens_max; }
  std::vector<float> embed(std::span<const Token> tokens) override;

 private:
  std::vector<float> first_values(std::span<const Token> tokens) const;
  std::vector<float> attend(const EncoderLayer& layer, const std::vector<float>& x, int64_t rows);
  void turn(std::vector<float>& heads, int64_t rows) const;
  void look_around(const float* query, const float* keys, const float* values, int64_t rows,
                   float* out) const;
  std::vector<float> feed_forward(const EncoderLayer& layer, const std::vector<float>& x,
                                  int64_t rows);
  void normalize(const LayerNorm& norm, std::vector<float>& x, int64_t rows) const;
  std::vector<float> pool(const std::vector<float>& x, int64_t rows) const;
  ColumnBuffer round(const std::vector<float>& x, int64_t rows) const;
  std::vector<float> project(const Linear& linear, ColumnBuffer& x, int64_t rows) const;

  const std::unique_ptr<HostWeights> weights_;
  const EncoderPlan plan_;
  const kernels::KernelTable& kernels_;
  kernels::ThreadPool& pool_;
  Precision precision_;
};

std::vector<float> LayeredEncoder::embed(std::span<const Token> tokens) {
  const auto rows = static_cast<int64_t>(tokens.size());
  CHECK(rows >= 1 && rows <= plan_.tokens_max);
  std::vector<float> x = first_values(tokens);
  for (const EncoderLayer& layer : plan_.layers) {
    const std::vector<float> attended = attend(layer, x, rows);
    kernels_.add(x.data(), attended.data(), rows * plan_.width);
    normalize(layer.attention_norm, x, rows);
    const std::vector<float> fed = feed_forward(layer, x, rows);
    kernels_.add(x.data(), fed.data(), rows * plan_.width);
    normalize(layer.output_norm, x, rows);
  }
  return pool(x, rows);
}

std::vector<float> LayeredEncoder::first_values(std::span<const Token> tokens) const {
  const auto rows = static_cast<int64_t>(tokens.size());
  std::vector<float> x = buffer(rows * plan_.width);
  std::vector<float> place = buffer(plan_.width);
  for (int64_t row = 0; row < rows; ++row) {
    float* values = x.data() + row * plan_.width;
    widen_row(plan_.embeddings, tokens[static_cast<size_t>(row)], values);
    if (!plan_.token_type.empty()) kernels_.add(values, plan_.token_type.data(), plan_.width);
    if (!plan_.positions) continue;
    widen_row(*plan_.positions, row, place.data());
    kernels_.add(values, place.data(), plan_.width);
  }
  normalize(plan_.embedding_norm, x, rows);
  return x;
}

ColumnBuffer LayeredEncoder::round(const std::vector<float>& x, int64_t rows) const {
  constexpr int64_t kRowsPerPiece = 8;
  const int64_t length = static_cast<int64_t>(x.size()) / rows;
  ColumnBuffer columns(kernels_, precision_, rows, length);
  std::copy(x.begin(), x.end(), columns.column(0, length));
  pool_.run(rows, kRowsPerPiece, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) columns.round(row, length);
  });
  return columns;
}

std::vector<float> LayeredEncoder::project(const Linear& linear, ColumnBuffer& x,
                                           int64_t rows) const {
  std::vector<float> out = buffer(rows * linear.weight.rows);
  const Product product{&linear, x.view(rows, linear.weight.length), out.data()};
  multiply(kernels_, pool_, std::span(&product, 1));
  return out;
}

std::vector<float> LayeredEncoder::attend(const EncoderLayer& layer, const std::vector<float>& x,
                                          int64_t rows) {
  ColumnBuffer columns = round(x, rows);
  std::vector<float> query = project(layer.query, columns, rows);
  std::vector<float> key = project(layer.key, columns, rows);
  const std::vector<float> value = project(layer.value, columns, rows);
  turn(query, rows);
  turn(key, rows);
  std::vector<float> mixed = buffer(rows * plan_.width);
  look_around(query.data(), key.data(), value.data(), rows, mixed.data());
  columns = round(mixed, rows);
  return project(layer.attention_output, columns, rows);
}

void LayeredEncoder::turn(std::vector<float>& heads, int64_t rows) const {
  if (!plan_.rope) return;
  std::vector<float> turns = buffer(plan_.rope->length());
  for (int64_t row = 0; row < rows; ++row) {
    fill_turns(*plan_.rope, row, turns.data());
    turn_heads(kernels_, *plan_.rope, turns.data(), heads.data() + row * plan_.width, plan_.heads,
               plan_.width / plan_.heads);
  }
}

void LayeredEncoder::look_around(const float* query, const float* keys, const float* values,
                                 int64_t rows, float* out) const {
  constexpr int64_t kProductsPerPieceMin = 64 << 10;
  const int64_t length = plan_.width / plan_.heads;
  const float scale = 1.0f / std::sqrt(static_cast<float>(length));
  const int64_t piece = kProductsPerPieceMin / (2 * rows * length) + 1;
  pool_.run(rows * plan_.heads, piece, [&](int64_t begin, int64_t end) {
    std::vector<float> scores = buffer(rows);
    for (int64_t task = begin; task < end; ++task) {
      // Rows of [rows][heads][length]: a task's own values are at task * length.
      const int64_t head = task % plan_.heads * length;
      float* mix = out + task * length;
      kernels_.attention_scores(query + task * length, keys + head, plan_.width, rows, length,
                                scale, scores.data());
      kernels_.softmax(scores.data(), rows);
      std::fill_n(mix, length, 0.0f);
      kernels_.attention_mix(scores.data(), values + head, plan_.width, rows, length, mix);
    }
  });
}

std::vector<float> LayeredEncoder::feed_forward(const EncoderLayer& layer,
                                                const std::vector<float>& x, int64_t rows) {
  ColumnBuffer columns = round(x, rows);
  if (layer.gate) {
    const int64_t length = layer.up.weight.rows;
    ColumnBuffer inner(kernels_, precision_, rows, length);
    const GatedProduct gated{&*layer.gate, &layer.up, &layer.down, columns.view(rows, plan_.width),
                             0};
    multiply_gated(kernels_, pool_, Gating::silu, std::span(&gated, 1), inner);
    return project(layer.down, inner, rows);
  }
  std::vector<float> up = project(layer.up, columns, rows);
  kernels_.gelu(up.data(), static_cast<int64_t>(up.size()));
  columns = round(up, rows);
  return project(layer.down, columns, rows);
}

void LayeredEncoder::normalize(const LayerNorm& norm, std::vector<float>& x, int64_t rows) const {
  for (int64_t row = 0; row < rows; ++row) {
    float* values = x.data() + row * plan_.width;
    kernels_.layer_norm(values, norm.weight.data(), norm.bias.data(), plan_.epsilon, plan_.width,
                        values);
  }
}

std::vector<float> LayeredEncoder::pool(const std::vector<float>& x, int64_t rows) const {
  const int64_t chosen = plan_.pooling == Pooling::last ? rows - 1 : 0;
  const float* row = x.data() + chosen * plan_.width;
  std::vector<float> pooled(row, row + plan_.width);
  if (plan_.pooling != Pooling::mean) return pooled;
  for (int64_t i = 1; i < rows; ++i) {
    kernels_.add(pooled.data(), x.data() + i * plan_.width, plan_.width);
  }
  for (float& value : pooled) value /= static_cast<float>(rows);
  return pooled;
}

}  // namespace

uint64_t activation_bytes(const EncoderPlan& plan) {
  // With the text itself: queries, keys, values, what they mix, and its projection; or the
  // feed-forward's two and its result.
  int64_t length = 0;
  for (const EncoderLayer& layer : plan.layers) length = std::max(length, layer.up.weight.rows);
  const int64_t floats = plan.width + std::max(5 * plan.width, 2 * length + plan.width);
  return static_cast<uint64_t>(plan.tokens_max * floats) * sizeof(float);
}

Result<std::unique_ptr<Encoder>> make_encoder(EncoderPlan plan, const BuildContext& build) {
  auto weights = HostWeights::take(plan, build);
  return std::unique_ptr<Encoder>(
      std::make_unique<LayeredEncoder>(std::move(plan), std::move(weights), build));
}

}  // namespace plinth::engine::cpu
