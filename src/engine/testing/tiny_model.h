// SPDX-License-Identifier: Apache-2.0
// Models of a few thousand random weights with a byte-level vocabulary, for tests: any decoder
// architecture, and encoders.
#pragma once

#include <cstdint>
#include <string>

#include "engine/engine.h"
#include "engine/gguf/tensor_type.h"
#include "engine/testing/gguf_writer.h"

namespace plinth::engine::testing {

struct TinyModel {
  uint64_t seed = 1;
  gguf::TensorType type = gguf::TensorType::f32;  // of the matrices
  int64_t layers = 2;
  int64_t width = 64;
  int64_t feed_forward = 96;
  int64_t heads = 4;
  int64_t kv_heads = 2;
  int64_t key_length = 0;  // 0: width / heads, and the key is not written
  int64_t context = 256;
  bool is_output_tied = true;
  bool has_rope_factors = false;
  float rope_linear_scale = 1;
  // Any decoder of the registry: it decides on biases, norms, sinks and fused tensors.
  std::string architecture = "llama";
  int64_t experts = 0;  // 0: a dense feed-forward
  int64_t experts_used = 2;
  int64_t window = 0;      // attention.sliding_window; 0: not written
  float yarn_stretch = 0;  // rope.scaling.factor of YaRN for an original context of 32; 0: none
  bool has_long_factors = false;                     // for contexts above an original one of 64
  std::string chat_template;                         // empty: none
  void (*add_metadata)(GgufWriter& file) = nullptr;  // more of it
};

// Tokens of the tiny vocabulary: 256 bytes, a few merges, then these.
inline constexpr std::string_view kTinyUser = "<|user|>";             // control
inline constexpr std::string_view kTinyAssistant = "<|assistant|>";   // control
inline constexpr std::string_view kTinyEnd = "<|end|>";               // control, end of sequence
inline constexpr std::string_view kTinyToolCall = "<tool_call>";      // user-defined
inline constexpr std::string_view kTinyToolCallEnd = "</tool_call>";  // user-defined

struct TinyEncoder {
  uint64_t seed = 1;
  std::string architecture = "bert";  // or nomic-bert, whose projections are fused
  int64_t layers = 2;
  int64_t width = 64;
  int64_t feed_forward = 96;
  int64_t heads = 4;
  int64_t context = 128;
  int64_t pooling = 1;
};

std::string tiny_model_bytes(const TinyModel& model);
std::string tiny_encoder_bytes(const TinyEncoder& model);
// Writes it into the folder for temporary files; the name tells processes and calls apart.
std::string write_temporary_file(const std::string& bytes);

// Loads a file of these bytes, then removes the file (the mapping stays).
Result<std::unique_ptr<Engine>> load_bytes(const std::string& bytes, EngineOptions options);

}  // namespace plinth::engine::testing
