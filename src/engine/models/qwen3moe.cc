// SPDX-License-Identifier: Apache-2.0
// qwen3moe: qwen3 with experts in every layer.
#include "engine/models/architectures.h"
#include "engine/models/decoder_reader.h"

namespace plinth::engine {

Result<DecoderPlan> plan_qwen3moe(ModelReader& reader) {
  const DecoderSizes sizes = TRY(read_sizes(reader.metadata));
  const int64_t feed_forward = TRY(read_feed_forward_length(reader.metadata));
  const ExpertSizes experts = TRY(read_expert_sizes(reader.metadata, feed_forward));
  DecoderPlan plan = TRY(begin_plan(reader, sizes));
  plan.ropes.push_back(TRY(read_rope(reader, RopePairing::halves, sizes.rope_length)));
  for (int64_t i = 0; i < sizes.layers; ++i) {
    const std::string prefix = layer_prefix(i);
    DecoderLayer layer;
    layer.attention_norm = TRY(reader.weights.vector(prefix + "attn_norm.weight", sizes.width));
    layer.attention = TRY(read_attention(reader, prefix, sizes, Bias::optional, Bias::optional));
    TRY(read_head_norms(reader, prefix, sizes, layer.attention));
    layer.feed_forward_norm = TRY(reader.weights.vector(prefix + "ffn_norm.weight", sizes.width));
    layer.feed_forward = TRY(read_experts(reader, prefix, sizes.width, experts, Bias::none));
    plan.layers.push_back(std::move(layer));
  }
  return plan;
}

}  // namespace plinth::engine
