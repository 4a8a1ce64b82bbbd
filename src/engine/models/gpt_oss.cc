// SPDX-License-Identifier: Apache-2.0
// gpt-oss (OpenAI 2025): biases everywhere, a sink per head, a sliding window in every other layer
// (from the first), experts with clamped gates. The norm before the experts carries the name of one
// after attention.
#include "engine/models/architectures.h"
#include "engine/models/decoder_reader.h"

namespace plinth::engine {

Result<DecoderPlan> plan_gpt_oss(ModelReader& reader) {
  Metadata& metadata = reader.metadata;
  const DecoderSizes sizes = TRY(read_sizes(metadata));
  const auto feed_forward = TRY(metadata.integer("feed_forward_length", 0, kFeedForwardMax));
  if (!metadata.has("expert_feed_forward_length") && feed_forward.value_or(0) == 0) {
    return metadata.malformed("expert_feed_forward_length", "the file lacks this key");
  }
  const ExpertSizes experts = TRY(read_expert_sizes(metadata, feed_forward.value_or(0)));
  const int64_t window = TRY(metadata.required_integer("attention.sliding_window", 0, INT32_MAX));
  DecoderPlan plan = TRY(begin_plan(reader, sizes));
  plan.ropes.push_back(TRY(read_rope(reader, RopePairing::halves, sizes.rope_length)));
  for (int64_t i = 0; i < sizes.layers; ++i) {
    const std::string prefix = layer_prefix(i);
    DecoderLayer layer;
    layer.attention_norm = TRY(reader.weights.vector(prefix + "attn_norm.weight", sizes.width));
    layer.attention = TRY(read_attention(reader, prefix, sizes, Bias::required, Bias::required));
    layer.attention.sinks =
        TRY(reader.weights.vector(prefix + "attn_sinks.weight", sizes.shape.heads));
    layer.attention.window = i % 2 == 0 ? window : 0;
    layer.feed_forward_norm =
        TRY(reader.weights.vector(prefix + "post_attention_norm.weight", sizes.width));
    ExpertsPlan plan_of_experts =
        TRY(read_experts(reader, prefix, sizes.width, experts, Bias::required));
    plan_of_experts.gating = Gating::clamped_silu;
    layer.feed_forward = std::move(plan_of_experts);
    plan.layers.push_back(std::move(layer));
  }
  return plan;
}

}  // namespace plinth::engine
