// SPDX-License-Identifier: Apache-2.0
// Sizes of models people run, and the tensors a model of such sizes has.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace plinth::engine {

struct ModelShape {
  std::string_view architecture;  // general.architecture
  std::string_view name;
  int64_t layers;
  int64_t width;
  int64_t feed_forward;
  int64_t heads;
  int64_t kv_heads;
  int64_t head_length;
  int64_t vocabulary;
  int64_t context;
  float rope_base;
  float epsilon;
  bool is_output_tied;
  float rope_factor = 0;            // of the llama 3 frequency scaling; 0: none
  int64_t experts = 0;              // 0: a dense feed-forward
  int64_t experts_used = 0;         // per token
  int64_t expert_feed_forward = 0;  // of one expert
  std::string_view pre = "qwen2";   // tokenizer.ggml.pre
};

std::span<const ModelShape> shape_table();

// Errors: invalid_argument names the shapes there are.
Result<const ModelShape*> find_shape(std::string_view architecture, std::string_view name);

// How a synthesized tensor is filled.
enum class Filling : uint8_t { normal, ones, rope_factors };

struct TensorPlan {
  std::string name;
  std::vector<uint64_t> dimensions;  // the first is contiguous in memory
  Filling filling = Filling::normal;
};

// Every tensor of the model, named as its architecture names them in GGUF.
std::vector<TensorPlan> tensors_of(const ModelShape& shape);

}  // namespace plinth::engine
