// SPDX-License-Identifier: Apache-2.0
// A second, independent implementation of the llama forward pass, written to be read: plain loops
// in double precision, no batch, no cache, no threads. The engine is compared to it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/gguf/file.h"

namespace plinth::oracle {

using Vector = std::vector<double>;

struct Matrix {
  int64_t rows = 0;
  int64_t length = 0;
  Vector values;  // [rows][length]
};

struct Layer {
  Vector attention_norm, feed_forward_norm;
  Matrix query, key, value, attention_output;
  Matrix gate, up, down;
};

class LlamaOracle {
 public:
  static Result<LlamaOracle> load(const std::string& path);

  // Logits after each token of the sequence: [tokens][vocabulary].
  std::vector<Vector> logits(const std::vector<int32_t>& tokens) const;

 private:
  Status read_sizes(const engine::gguf::Contents& contents);
  Status read_weights(const engine::gguf::File& file);

  Vector attention(const Layer& layer, const Vector& x, int64_t position, std::vector<Vector>& keys,
                   std::vector<Vector>& values) const;
  void turn(Vector& heads, int64_t position) const;

  int64_t layers_ = 0, width_ = 0, feed_forward_ = 0, heads_ = 0, kv_heads_ = 0;
  int64_t head_length_ = 0;
  double epsilon_ = 0, rope_base_ = 0, rope_scale_ = 1;
  Matrix embeddings_, output_;
  Vector output_norm_, rope_factors_;
  std::vector<Layer> blocks_;
};

}  // namespace plinth::oracle
