// SPDX-License-Identifier: Apache-2.0
// From the papers: BERT (Devlin et al. 2018) with the tanh form of GELU, and nomic-embed (Nussbaum
// et al. 2024) with rotary positions and SwiGLU in its place.
#include "tests/oracle/encoder_oracle.h"

#include <cmath>

namespace plinth::oracle {
namespace {

struct Sizes {
  int64_t layers = 0, width = 0, heads = 0, pooling = 0;
  double epsilon = 0, rope_base = 0;
  bool is_nomic = false;
};

Result<Sizes> read_sizes(const engine::gguf::Contents& contents) {
  Sizes sizes;
  const std::string architecture(TRY(contents.required_string("general.architecture")));
  const std::string prefix = architecture + ".";
  sizes.is_nomic = architecture == "nomic-bert";
  sizes.layers = TRY(contents.required_integer(prefix + "block_count", 1, 100));
  sizes.width = TRY(contents.required_integer(prefix + "embedding_length", 1, 10000));
  sizes.heads = TRY(contents.required_integer(prefix + "attention.head_count", 1, 100));
  sizes.pooling = TRY(contents.required_integer(prefix + "pooling_type", 1, 3));
  sizes.epsilon = TRY(contents.number(prefix + "attention.layer_norm_epsilon")).value_or(0);
  sizes.rope_base = TRY(contents.number(prefix + "rope.freq_base")).value_or(10000);
  return sizes;
}

class Pass {
 public:
  Pass(const Tensors& tensors, const Sizes& sizes) : tensors_(tensors), sizes_(sizes) {}

  Vector run(const std::vector<int32_t>& tokens) const {
    std::vector<Vector> rows;
    for (size_t i = 0; i < tokens.size(); ++i) {
      Vector x = row_of("token_embd.weight", tokens[i]);
      add(x, row_of("token_types.weight", 0));
      if (!sizes_.is_nomic) add(x, row_of("position_embd.weight", static_cast<int64_t>(i)));
      rows.push_back(norm(x, "token_embd_norm"));
    }
    for (int64_t i = 0; i < sizes_.layers; ++i) {
      const std::string prefix = "blk." + std::to_string(i) + ".";
      const std::vector<Vector> attended = attention(prefix, rows);
      for (size_t row = 0; row < rows.size(); ++row) {
        Vector x = rows[row];
        add(x, attended[row]);
        x = norm(x, prefix + "attn_output_norm");
        add(x, feed_forward(prefix, x));
        rows[row] = norm(x, prefix + "layer_output_norm");
      }
    }
    if (sizes_.pooling == 2) return rows.front();
    if (sizes_.pooling == 3) return rows.back();
    Vector mean(rows[0].size(), 0);
    for (const Vector& row : rows) add(mean, row);
    for (double& value : mean) value /= static_cast<double>(rows.size());
    return mean;
  }

 private:
  Vector row_of(const char* name, int64_t row) const {
    const auto begin = tensors_.at(name).values.begin() + row * sizes_.width;
    return Vector(begin, begin + sizes_.width);
  }

  Vector norm(const Vector& x, const std::string& name) const {
    const auto count = static_cast<double>(x.size());
    double mean = 0;
    for (const double value : x) mean += value / count;
    double variance = 0;
    for (const double value : x) variance += (value - mean) * (value - mean) / count;
    Vector y(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      y[i] = (x[i] - mean) / std::sqrt(variance + sizes_.epsilon) *
                 tensors_.at(name + ".weight").values[i] +
             tensors_.at(name + ".bias").values[i];
    }
    return y;
  }

  Vector linear(const std::string& name, const Vector& x) const {
    Vector y = multiply(tensors_.at(name + ".weight"), x);
    const auto bias = tensors_.find(name + ".bias");
    if (bias != tensors_.end()) add(y, bias->second.values);
    return y;
  }

  // Queries, keys and values of one row, one after the other.
  Vector project(const std::string& prefix, const Vector& x) const {
    if (sizes_.is_nomic) return linear(prefix + "attn_qkv", x);
    Vector all;
    for (const char* name : {"attn_q", "attn_k", "attn_v"}) {
      const Vector part = linear(prefix + name, x);
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }

  void turn(Vector& projected, size_t position) const {
    const int64_t length = sizes_.width / sizes_.heads;
    for (int64_t head = 0; head < 2 * sizes_.heads; ++head) {  // queries and keys
      for (int64_t i = 0; i < length / 2; ++i) {
        const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(length);
        const double angle = static_cast<double>(position) * std::pow(sizes_.rope_base, exponent);
        double& a = projected[static_cast<size_t>(head * length + i)];
        double& b = projected[static_cast<size_t>(head * length + i + length / 2)];
        const double old = a;
        a = old * std::cos(angle) - b * std::sin(angle);
        b = old * std::sin(angle) + b * std::cos(angle);
      }
    }
  }

  std::vector<Vector> attention(const std::string& prefix, const std::vector<Vector>& rows) const {
    const auto width = static_cast<size_t>(sizes_.width);
    const size_t length = width / static_cast<size_t>(sizes_.heads);
    std::vector<Vector> projected;
    for (size_t row = 0; row < rows.size(); ++row) {
      projected.push_back(project(prefix, rows[row]));
      if (sizes_.is_nomic) turn(projected.back(), row);
    }
    std::vector<Vector> out;
    for (const Vector& own : projected) {
      Vector mixed(width, 0);
      for (size_t begin = 0; begin < width; begin += length) {
        Vector scores;
        for (const Vector& other : projected) {
          double score = 0;
          for (size_t i = begin; i < begin + length; ++i) score += own[i] * other[width + i];
          scores.push_back(score / std::sqrt(static_cast<double>(length)));
        }
        const Vector weights = softmax(scores);
        for (size_t t = 0; t < projected.size(); ++t) {
          for (size_t i = begin; i < begin + length; ++i) {
            mixed[i] += weights[t] * projected[t][2 * width + i];
          }
        }
      }
      out.push_back(linear(prefix + "attn_output", mixed));
    }
    return out;
  }

  Vector feed_forward(const std::string& prefix, const Vector& x) const {
    Vector up = linear(prefix + "ffn_up", x);
    if (sizes_.is_nomic) {
      const Vector gate = linear(prefix + "ffn_gate", x);
      for (size_t i = 0; i < up.size(); ++i) up[i] *= silu(gate[i]);
    } else {
      for (double& value : up) value = gelu(value);
    }
    return linear(prefix + "ffn_down", up);
  }

  const Tensors& tensors_;
  const Sizes& sizes_;
};

}  // namespace

Result<Vector> embed(const std::string& path, const std::vector<int32_t>& tokens) {
  const auto file = TRY(engine::gguf::File::open(path));
  const Sizes sizes = TRY(read_sizes(file->contents()));
  const Tensors tensors = read_tensors(*file);
  return Pass(tensors, sizes).run(tokens);
}

}  // namespace plinth::oracle
