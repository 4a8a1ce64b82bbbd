// SPDX-License-Identifier: Apache-2.0
// gemma2 (Gemma Team 2024): embeddings scaled by sqrt(width), norms before and after each part,
// GELU gates, scores and logits held by a soft cap, every other layer (from the first) with a
// sliding window. Norm weights hold the 1 that the paper adds.
#include <cmath>

#include "engine/models/architectures.h"
#include "engine/models/decoder_reader.h"

namespace plinth::engine {
namespace {

constexpr int64_t kLayersOf27b = 46;

}  // namespace

Result<DecoderPlan> plan_gemma2(ModelReader& reader) {
  Metadata& metadata = reader.metadata;
  const DecoderSizes sizes = TRY(read_sizes(metadata));
  const int64_t feed_forward = TRY(read_feed_forward_length(metadata));
  const int64_t window =
      TRY(metadata.integer("attention.sliding_window", 0, INT32_MAX)).value_or(4096);
  const double score_cap = TRY(metadata.positive("attn_logit_softcapping", 50));
  const double logit_cap = TRY(metadata.positive("final_logit_softcapping", 30));

  DecoderPlan plan = TRY(begin_plan(reader, sizes));
  plan.embedding_scale = std::sqrt(static_cast<float>(sizes.width));
  plan.shape.score_cap = static_cast<float>(score_cap);
  plan.logit_cap = static_cast<float>(logit_cap);
  // The 27B model alone scales by its share of the width, and its file does not say so.
  if (sizes.layers == kLayersOf27b) {
    plan.shape.scale = 1.0f / std::sqrt(static_cast<float>(sizes.width / sizes.shape.heads));
  }
  plan.ropes.push_back(TRY(read_rope(reader, RopePairing::halves, sizes.rope_length)));
  for (int64_t i = 0; i < sizes.layers; ++i) {
    const std::string prefix = layer_prefix(i);
    const auto norm = [&](const char* name) {
      return reader.weights.vector(prefix + name + ".weight", sizes.width);
    };
    DecoderLayer layer;
    layer.attention_norm = TRY(norm("attn_norm"));
    layer.attention = TRY(read_attention(reader, prefix, sizes, Bias::none, Bias::none));
    layer.attention.window = i % 2 == 0 ? window : 0;
    layer.attention_post_norm = TRY(norm("post_attention_norm"));
    layer.feed_forward_norm = TRY(norm("ffn_norm"));
    FeedForwardPlan dense =
        TRY(read_feed_forward(reader, prefix, sizes.width, feed_forward, Bias::none));
    dense.gating = Gating::gelu;
    layer.feed_forward = std::move(dense);
    layer.feed_forward_post_norm = TRY(norm("post_ffw_norm"));
    plan.layers.push_back(std::move(layer));
  }
  return plan;
}

}  // namespace plinth::engine
