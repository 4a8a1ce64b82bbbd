// SPDX-License-Identifier: Apache-2.0
// qwen3 (Yang et al. 2025): as qwen2 without its biases; queries and keys are normalised per head
// before they turn.
#include "engine/models/architectures.h"
#include "engine/models/decoder_reader.h"

namespace plinth::engine {

Result<DecoderPlan> plan_qwen3(ModelReader& reader) {
  const DecoderSizes sizes = TRY(read_sizes(reader.metadata));
  const int64_t feed_forward = TRY(read_feed_forward_length(reader.metadata));
  DecoderPlan plan = TRY(begin_plan(reader, sizes));
  plan.ropes.push_back(TRY(read_rope(reader, RopePairing::halves, sizes.rope_length)));
  for (int64_t i = 0; i < sizes.layers; ++i) {
    const std::string prefix = layer_prefix(i);
    DecoderLayer layer;
    layer.attention_norm = TRY(reader.weights.vector(prefix + "attn_norm.weight", sizes.width));
    layer.attention = TRY(read_attention(reader, prefix, sizes, Bias::optional, Bias::optional));
    TRY(read_head_norms(reader, prefix, sizes, layer.attention));
    layer.feed_forward_norm = TRY(reader.weights.vector(prefix + "ffn_norm.weight", sizes.width));
    layer.feed_forward =
        TRY(read_feed_forward(reader, prefix, sizes.width, feed_forward, Bias::none));
    plan.layers.push_back(std::move(layer));
  }
  return plan;
}

}  // namespace plinth::engine
