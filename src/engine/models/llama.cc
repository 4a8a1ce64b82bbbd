// SPDX-License-Identifier: Apache-2.0
// llama (Touvron et al. 2023): RMS norms before attention and feed-forward, grouped-query attention
// with rotary positions on neighbouring pairs, SwiGLU. Mistral is the same with heads of their own
// length and perhaps a sliding window; Mixtral has experts in place of the feed-forward.
#include "engine/models/architectures.h"
#include "engine/models/decoder_reader.h"

namespace plinth::engine {

Result<DecoderPlan> plan_llama(ModelReader& reader) {
  Metadata& metadata = reader.metadata;
  const DecoderSizes sizes = TRY(read_sizes(metadata));
  const int64_t feed_forward = TRY(read_feed_forward_length(metadata));
  const int64_t window =
      TRY(metadata.integer("attention.sliding_window", 0, INT32_MAX)).value_or(0);
  const bool has_experts = TRY(metadata.integer("expert_count", 0, kExpertsMax)).value_or(0) > 0;
  ExpertSizes experts;
  if (has_experts) {
    experts = TRY(read_expert_sizes(metadata, feed_forward));
  } else {
    TRY(metadata.integer("expert_used_count", 0, 0));
  }

  DecoderPlan plan = TRY(begin_plan(reader, sizes));
  const auto scale = static_cast<float>(TRY(metadata.number("attention.scale")).value_or(0));
  if (scale != 0) plan.shape.scale = scale;
  plan.ropes.push_back(TRY(read_rope(reader, RopePairing::neighbours, sizes.rope_length)));
  for (int64_t i = 0; i < sizes.layers; ++i) {
    const std::string prefix = layer_prefix(i);
    DecoderLayer layer;
    layer.attention_norm = TRY(reader.weights.vector(prefix + "attn_norm.weight", sizes.width));
    layer.attention = TRY(read_attention(reader, prefix, sizes, Bias::optional, Bias::optional));
    layer.attention.window = window;
    layer.feed_forward_norm = TRY(reader.weights.vector(prefix + "ffn_norm.weight", sizes.width));
    if (has_experts) {
      layer.feed_forward = TRY(read_experts(reader, prefix, sizes.width, experts, Bias::none));
    } else {
      layer.feed_forward =
          TRY(read_feed_forward(reader, prefix, sizes.width, feed_forward, Bias::optional));
    }
    plan.layers.push_back(std::move(layer));
  }
  return plan;
}

}  // namespace plinth::engine
