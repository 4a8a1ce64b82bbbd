// SPDX-License-Identifier: Apache-2.0
// What an encoder computes: the embedding of each token looks at all tokens, then all become one
// vector. An architecture's file fills it; a backend carries it out.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/models/rope.h"
#include "engine/models/weights.h"

namespace plinth::engine {

// The numbers are GGUF's pooling_type.
enum class Pooling : uint8_t { mean = 1, first = 2, last = 3 };

struct LayerNorm {
  std::vector<float> weight, bias;
};

// x = attention_norm(x + attention(x)); x = output_norm(x + feed_forward(x)). With a gate the
// feed-forward is down(silu(gate(x)) * up(x)), else down(gelu(up(x))).
struct EncoderLayer {
  Linear query, key, value, attention_output;
  LayerNorm attention_norm;
  std::optional<Linear> gate;
  Linear up, down;
  LayerNorm output_norm;
};

struct EncoderPlan {
  int64_t width = 0;
  int64_t vocabulary = 0;
  int64_t tokens_max = 0;
  int64_t heads = 0;  // divides the width
  float epsilon = 0;  // of all norms
  Matrix embeddings;
  std::vector<float> token_type;    // added to every token; empty: none
  std::optional<Matrix> positions;  // learned, [tokens_max][width], added to the tokens
  std::optional<Rope> rope;
  LayerNorm embedding_norm;
  std::vector<EncoderLayer> layers;
  Pooling pooling = Pooling::mean;
};

}  // namespace plinth::engine
