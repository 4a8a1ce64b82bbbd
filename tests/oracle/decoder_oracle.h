// SPDX-License-Identifier: Apache-2.0
// A second, independent implementation of the decoders' forward pass, written to be read: plain
// loops in double precision, no batch, no cache, no threads, no plan. The engine is compared to it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "tests/oracle/tensors.h"

namespace plinth::oracle {

class DecoderOracle {
 public:
  // `context` is what a sequence may have; phi3 chooses its rope factors by it.
  static Result<DecoderOracle> load(const std::string& path, int64_t context);

  // Logits after each token of the sequence: [tokens][vocabulary].
  std::vector<Vector> logits(const std::vector<int32_t>& tokens) const;

 private:
  struct Seen {
    std::vector<Vector> keys, values;
  };

  Status read_sizes(const engine::gguf::Contents& contents);
  Status read_stretch(const engine::gguf::Contents& contents);
  bool is(std::string_view name) const { return architecture_ == name; }
  bool is_gemma() const { return is("gemma2") || is("gemma3"); }
  const Matrix& at(int64_t layer, const std::string& name) const;
  const Matrix* find(int64_t layer, const std::string& name) const;

  Vector norm(const Vector& x, const Vector& weight) const;
  bool is_windowed(int64_t layer) const;
  Vector project(int64_t layer, const char* name, int64_t fused_begin, int64_t rows,
                 const Vector& x) const;
  void norm_heads(int64_t layer, const char* name, Vector& heads) const;
  double angle(int64_t layer, int64_t pair, int64_t position) const;
  void turn(int64_t layer, int64_t position, Vector& heads) const;
  Vector attention(int64_t layer, const Vector& x, int64_t position, Seen& seen) const;
  Vector mix_head(int64_t layer, int64_t head, const Vector& query, const Seen& seen) const;
  Vector feed_forward(int64_t layer, const Vector& x) const;
  Vector experts(int64_t layer, const Vector& x) const;
  Vector expert(int64_t layer, int64_t index, const Vector& x) const;

  std::string architecture_;
  Tensors tensors_;
  int64_t context_ = 0;
  int64_t layers_ = 0, width_ = 0, heads_ = 0, kv_heads_ = 0, head_length_ = 0;
  int64_t window_ = 0, experts_used_ = 0, original_context_ = 0;
  double epsilon_ = 0, rope_base_ = 0, stretch_ = 1, magnitude_ = 1;
  bool is_yarn_ = false;
};

}  // namespace plinth::oracle
