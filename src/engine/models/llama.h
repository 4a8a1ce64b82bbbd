// SPDX-License-Identifier: Apache-2.0
// The llama architecture: RMS norms before attention and feed-forward, grouped-query attention with
// rotary positions on neighbouring pairs, SwiGLU, output tied to the embeddings when the file has
// none.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/models/model.h"
#include "engine/models/weights.h"

namespace plinth::engine {

struct LlamaShape {
  int64_t layers = 0;
  int64_t width = 0;  // embedding length
  int64_t feed_forward = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t key_length = 0;  // of one head
  int64_t value_length = 0;
  int64_t rope_length = 0;  // leading values of a head that turn
  int64_t vocabulary = 0;
  float epsilon = 0;
  double rope_base = 0;
  double rope_scale = 1;  // positions are divided by it (linear scaling)

  // Errors: malformed and unsupported name the key.
  static Result<LlamaShape> read(const gguf::Contents& contents);
};

struct LlamaLayer {
  std::vector<float> attention_norm;
  std::vector<float> feed_forward_norm;
  Matrix query, key, value, attention_output;
  Matrix gate, up, down;
};

Result<std::unique_ptr<Model>> build_llama(const gguf::File& file,
                                           const kernels::KernelTable& kernels,
                                           kernels::ThreadPool& pool, int64_t rows_max);

}  // namespace plinth::engine
