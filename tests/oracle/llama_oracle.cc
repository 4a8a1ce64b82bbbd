// SPDX-License-Identifier: Apache-2.0
// The model, from the papers: RMSNorm (Zhang and Sennrich 2019), rotary positions (Su et al. 2021),
// grouped-query attention (Ainslie et al. 2023), SwiGLU (Shazeer 2020), put together as in LLaMA
// (Touvron et al. 2023).
#include "tests/oracle/llama_oracle.h"

#include <cmath>
#include <cstring>

namespace plinth::oracle {
namespace {

using engine::gguf::Contents;
using engine::gguf::File;

// IEEE 754 half precision, by its definition.
double half_value(uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int fraction = bits & 1023;
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

uint16_t read_half(const std::byte* at) {
  uint16_t bits;
  std::memcpy(&bits, at, sizeof(bits));
  return bits;
}

double value_at(const std::byte* data, uint32_t type, int64_t index) {
  if (type == 0) {
    float value;
    std::memcpy(&value, data + 4 * index, sizeof(value));
    return value;
  }
  if (type == 1) return half_value(read_half(data + 2 * index));
  // Q8_0: blocks of a half precision scale and 32 signed bytes.
  const std::byte* block = data + index / 32 * 34;
  return half_value(read_half(block)) * static_cast<int8_t>(block[2 + index % 32]);
}

Result<Matrix> read_matrix(const File& file, const std::string& name) {
  const auto* tensor = file.contents().find_tensor(name);
  if (!tensor) return make_error(ErrorCode::malformed, name + ": missing");
  Matrix matrix;
  matrix.length = static_cast<int64_t>(tensor->dimensions[0]);
  matrix.rows = static_cast<int64_t>(tensor->values) / matrix.length;
  for (int64_t i = 0; i < matrix.rows * matrix.length; ++i) {
    matrix.values.push_back(value_at(file.data(*tensor), tensor->type.id, i));
  }
  return matrix;
}

Vector multiply(const Matrix& matrix, const Vector& x) {
  Vector y(static_cast<size_t>(matrix.rows), 0);
  for (int64_t r = 0; r < matrix.rows; ++r) {
    for (int64_t i = 0; i < matrix.length; ++i) {
      y[static_cast<size_t>(r)] +=
          matrix.values[static_cast<size_t>(r * matrix.length + i)] * x[static_cast<size_t>(i)];
    }
  }
  return y;
}

Vector normalize(const Vector& x, const Vector& weight, double epsilon) {
  double squares = 0;
  for (const double value : x) squares += value * value;
  const double scale = 1 / std::sqrt(squares / static_cast<double>(x.size()) + epsilon);
  Vector y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = x[i] * scale * weight[i];
  return y;
}

void add(Vector& x, const Vector& y) {
  for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

}  // namespace

Result<LlamaOracle> LlamaOracle::load(const std::string& path) {
  const auto file = TRY(File::open(path));
  LlamaOracle oracle;
  TRY(oracle.read_sizes(file->contents()));
  TRY(oracle.read_weights(*file));
  return oracle;
}

Status LlamaOracle::read_sizes(const Contents& contents) {
  layers_ = TRY(contents.required_integer("llama.block_count", 1, 1000));
  width_ = TRY(contents.required_integer("llama.embedding_length", 1, 1 << 16));
  heads_ = TRY(contents.required_integer("llama.attention.head_count", 1, 1000));
  kv_heads_ = TRY(contents.required_integer("llama.attention.head_count_kv", 1, 1000));
  head_length_ =
      TRY(contents.integer("llama.attention.key_length", 1, 10000)).value_or(width_ / heads_);
  epsilon_ = TRY(contents.number("llama.attention.layer_norm_rms_epsilon")).value_or(0);
  rope_base_ = TRY(contents.number("llama.rope.freq_base")).value_or(10000);
  rope_scale_ = TRY(contents.number("llama.rope.scaling.factor")).value_or(1);
  return ok();
}

Status LlamaOracle::read_weights(const File& file) {
  embeddings_ = TRY(read_matrix(file, "token_embd.weight"));
  output_norm_ = TRY(read_matrix(file, "output_norm.weight")).values;
  const bool is_tied = file.contents().find_tensor("output.weight") == nullptr;
  output_ = is_tied ? embeddings_ : TRY(read_matrix(file, "output.weight"));
  if (file.contents().find_tensor("rope_freqs.weight")) {
    rope_factors_ = TRY(read_matrix(file, "rope_freqs.weight")).values;
  } else {
    rope_factors_.assign(static_cast<size_t>(head_length_ / 2), 1);
  }
  for (int64_t i = 0; i < layers_; ++i) {
    const std::string prefix = "blk." + std::to_string(i) + ".";
    Layer layer;
    layer.attention_norm = TRY(read_matrix(file, prefix + "attn_norm.weight")).values;
    layer.feed_forward_norm = TRY(read_matrix(file, prefix + "ffn_norm.weight")).values;
    layer.query = TRY(read_matrix(file, prefix + "attn_q.weight"));
    layer.key = TRY(read_matrix(file, prefix + "attn_k.weight"));
    layer.value = TRY(read_matrix(file, prefix + "attn_v.weight"));
    layer.attention_output = TRY(read_matrix(file, prefix + "attn_output.weight"));
    layer.gate = TRY(read_matrix(file, prefix + "ffn_gate.weight"));
    layer.up = TRY(read_matrix(file, prefix + "ffn_up.weight"));
    layer.down = TRY(read_matrix(file, prefix + "ffn_down.weight"));
    blocks_.push_back(std::move(layer));
  }
  return ok();
}

// Each head's neighbouring values are a point in a plane that turns with the position.
void LlamaOracle::turn(Vector& heads, int64_t position) const {
  for (size_t begin = 0; begin < heads.size(); begin += static_cast<size_t>(head_length_)) {
    for (int64_t i = 0; i < head_length_ / 2; ++i) {
      const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(head_length_);
      const double angle = static_cast<double>(position) / rope_scale_ *
                           std::pow(rope_base_, exponent) / rope_factors_[static_cast<size_t>(i)];
      double& a = heads[begin + static_cast<size_t>(2 * i)];
      double& b = heads[begin + static_cast<size_t>(2 * i + 1)];
      const double turned = a * std::cos(angle) - b * std::sin(angle);
      b = a * std::sin(angle) + b * std::cos(angle);
      a = turned;
    }
  }
}

Vector LlamaOracle::attention(const Layer& layer, const Vector& x, int64_t position,
                              std::vector<Vector>& keys, std::vector<Vector>& values) const {
  Vector query = multiply(layer.query, x);
  Vector own_key = multiply(layer.key, x);
  turn(query, position);
  turn(own_key, position);
  keys.push_back(std::move(own_key));
  values.push_back(multiply(layer.value, x));

  Vector mixed(query.size(), 0);
  for (int64_t head = 0; head < heads_; ++head) {
    const auto own = static_cast<size_t>(head * head_length_);
    const auto shared = static_cast<size_t>(head / (heads_ / kv_heads_) * head_length_);
    Vector weights;
    double total = 0;
    double largest = -INFINITY;
    for (const Vector& key : keys) {
      double score = 0;
      for (size_t i = 0; i < static_cast<size_t>(head_length_); ++i) {
        score += query[own + i] * key[shared + i];
      }
      weights.push_back(score / std::sqrt(static_cast<double>(head_length_)));
      largest = std::max(largest, weights.back());
    }
    for (double& weight : weights) total += weight = std::exp(weight - largest);
    for (size_t t = 0; t < values.size(); ++t) {
      for (size_t i = 0; i < static_cast<size_t>(head_length_); ++i) {
        mixed[own + i] += weights[t] / total * values[t][shared + i];
      }
    }
  }
  return multiply(layer.attention_output, mixed);
}

std::vector<Vector> LlamaOracle::logits(const std::vector<int32_t>& tokens) const {
  std::vector<std::vector<Vector>> keys(blocks_.size());
  std::vector<std::vector<Vector>> values(blocks_.size());
  std::vector<Vector> result;
  for (size_t position = 0; position < tokens.size(); ++position) {
    const auto row = embeddings_.values.begin() + tokens[position] * width_;
    Vector x(row, row + width_);
    for (size_t i = 0; i < blocks_.size(); ++i) {
      const Layer& layer = blocks_[i];
      add(x, attention(layer, normalize(x, layer.attention_norm, epsilon_),
                       static_cast<int64_t>(position), keys[i], values[i]));
      const Vector normed = normalize(x, layer.feed_forward_norm, epsilon_);
      Vector gate = multiply(layer.gate, normed);
      const Vector up = multiply(layer.up, normed);
      for (size_t j = 0; j < gate.size(); ++j) gate[j] *= up[j] / (1 + std::exp(-gate[j]));
      add(x, multiply(layer.down, gate));
    }
    result.push_back(multiply(output_, normalize(x, output_norm_, epsilon_)));
  }
  return result;
}

}  // namespace plinth::oracle
