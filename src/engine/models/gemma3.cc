// SPDX-License-Identifier: Apache-2.0
// gemma3 (Gemma Team 2025): as gemma2 with norms of queries and keys in place of soft caps. Five
// layers with a sliding window and a rope base of their own come before each one that sees all.
#include <cmath>

#include "engine/models/architectures.h"
#include "engine/models/decoder_reader.h"

namespace plinth::engine {
namespace {

constexpr int64_t kLayersOf27b = 62;
constexpr size_t kRopeOfAll = 0;
constexpr size_t kRopeOfWindow = 1;

Result<DecoderLayer> read_layer(ModelReader& reader, const std::string& prefix,
                                const DecoderSizes& sizes, int64_t feed_forward) {
  const auto norm = [&](const char* name) {
    return reader.weights.vector(prefix + name + ".weight", sizes.width);
  };
  DecoderLayer layer;
  layer.attention_norm = TRY(norm("attn_norm"));
  layer.attention = TRY(read_attention(reader, prefix, sizes, Bias::none, Bias::none));
  TRY(read_head_norms(reader, prefix, sizes, layer.attention));
  layer.attention_post_norm = TRY(norm("post_attention_norm"));
  layer.feed_forward_norm = TRY(norm("ffn_norm"));
  FeedForwardPlan dense =
      TRY(read_feed_forward(reader, prefix, sizes.width, feed_forward, Bias::none));
  dense.gating = Gating::gelu;
  layer.feed_forward = std::move(dense);
  layer.feed_forward_post_norm = TRY(norm("post_ffw_norm"));
  return layer;
}

}  // namespace

Result<DecoderPlan> plan_gemma3(ModelReader& reader) {
  Metadata& metadata = reader.metadata;
  const DecoderSizes sizes = TRY(read_sizes(metadata));
  const int64_t feed_forward = TRY(read_feed_forward_length(metadata));
  const int64_t window =
      TRY(metadata.integer("attention.sliding_window", 0, INT32_MAX)).value_or(0);
  const int64_t pattern =
      TRY(metadata.integer("attention.sliding_window_pattern", 1, kLayersMax)).value_or(6);
  const double window_base = TRY(metadata.positive("rope.freq_base_swa", 10000));

  DecoderPlan plan = TRY(begin_plan(reader, sizes));
  plan.embedding_scale = std::sqrt(static_cast<float>(sizes.width));
  if (metadata.has("final_logit_softcapping")) {
    plan.logit_cap = static_cast<float>(TRY(metadata.positive("final_logit_softcapping", 0)));
  }
  // The 27B model alone scales by its share of the width, and its file does not say so.
  if (sizes.layers == kLayersOf27b) {
    plan.shape.scale = 1.0f / std::sqrt(static_cast<float>(sizes.width / sizes.shape.heads));
  }
  plan.ropes.push_back(TRY(read_rope(reader, RopePairing::halves, sizes.rope_length)));
  // Stretched are the layers that see all.
  plan.ropes.push_back(plain_rope(RopePairing::halves, sizes.rope_length, window_base));
  for (int64_t i = 0; i < sizes.layers; ++i) {
    DecoderLayer layer = TRY(read_layer(reader, layer_prefix(i), sizes, feed_forward));
    const bool has_window = window > 0 && i % pattern < pattern - 1;
    layer.attention.window = has_window ? window : 0;
    layer.attention.rope = has_window ? kRopeOfWindow : kRopeOfAll;
    plan.layers.push_back(std::move(layer));
  }
  return plan;
}

}  // namespace plinth::engine
