// SPDX-License-Identifier: Apache-2.0
// phi3 (Abdin et al. 2024; also Phi-3.5 and Phi-4): as llama with halves turning, one tensor for
// queries, keys and values, one for gate and up, and LongRoPE factors for long contexts.
#include "engine/models/architectures.h"
#include "engine/models/decoder_reader.h"

namespace plinth::engine {
namespace {

Result<AttentionPlan> read_fused_attention(ModelReader& reader, const std::string& prefix,
                                           const DecoderSizes& sizes) {
  const HeadShape& shape = sizes.shape;
  const int64_t query_rows = shape.heads * shape.key_length;
  const int64_t key_rows = shape.kv_heads * shape.key_length;
  const int64_t value_rows = shape.kv_heads * shape.value_length;
  const Matrix fused = TRY(reader.weights.matrix(prefix + "attn_qkv.weight",
                                                 query_rows + key_rows + value_rows, sizes.width));
  AttentionPlan attention;
  attention.query.weight = rows_of(fused, 0, query_rows);
  attention.key.weight = rows_of(fused, query_rows, key_rows);
  attention.value.weight = rows_of(fused, query_rows + key_rows, value_rows);
  attention.output = TRY(reader.weights.linear(prefix + "attn_output", sizes.width,
                                               shape.heads * shape.value_length, Bias::none));
  return attention;
}

Result<FeedForwardPlan> read_fused_feed_forward(ModelReader& reader, const std::string& prefix,
                                                int64_t width, int64_t length) {
  const Matrix fused = TRY(reader.weights.matrix(prefix + "ffn_up.weight", 2 * length, width));
  FeedForwardPlan plan;
  plan.gate.weight = rows_of(fused, 0, length);
  plan.up.weight = rows_of(fused, length, length);
  plan.down = TRY(reader.weights.linear(prefix + "ffn_down", width, length, Bias::none));
  return plan;
}

}  // namespace

Result<DecoderPlan> plan_phi3(ModelReader& reader) {
  Metadata& metadata = reader.metadata;
  const DecoderSizes sizes = TRY(read_sizes(metadata));
  const int64_t feed_forward = TRY(read_feed_forward_length(metadata));
  // 0 stands for none.
  const int64_t window =
      TRY(metadata.integer("attention.sliding_window", 0, INT32_MAX)).value_or(0);
  DecoderPlan plan = TRY(begin_plan(reader, sizes));
  plan.ropes.push_back(TRY(read_rope(reader, RopePairing::halves, sizes.rope_length)));
  for (int64_t i = 0; i < sizes.layers; ++i) {
    const std::string prefix = layer_prefix(i);
    DecoderLayer layer;
    layer.attention_norm = TRY(reader.weights.vector(prefix + "attn_norm.weight", sizes.width));
    layer.attention = TRY(read_fused_attention(reader, prefix, sizes));
    layer.attention.window = window;
    layer.feed_forward_norm = TRY(reader.weights.vector(prefix + "ffn_norm.weight", sizes.width));
    layer.feed_forward = TRY(read_fused_feed_forward(reader, prefix, sizes.width, feed_forward));
    plan.layers.push_back(std::move(layer));
  }
  return plan;
}

}  // namespace plinth::engine
