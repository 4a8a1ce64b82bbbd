// SPDX-License-Identifier: Apache-2.0
// LoRA adapters of random values for tests, and models into whose weights one is merged.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/gguf/tensor_type.h"
#include "engine/testing/gguf_writer.h"

namespace plinth::engine::testing {

struct TinyAdapter {
  uint64_t seed = 1;
  int64_t rank = 3;
  float alpha = 6;
  gguf::TensorType type = gguf::TensorType::f32;
  std::string architecture = "llama";
  std::vector<std::string> tensors;                  // of the model, each a matrix
  void (*add_metadata)(GgufWriter& file) = nullptr;  // more of it
};

// `model` is the file of the model it is for, which has all the tensors.
std::string tiny_adapter_bytes(const TinyAdapter& adapter, const std::string& model);
// The model's file with W + scale * alpha / rank * B A in place of each W, which must be F32.
std::string merge_adapter(std::string model, const std::string& adapter, float scale);

}  // namespace plinth::engine::testing
