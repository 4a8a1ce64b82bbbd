// SPDX-License-Identifier: Apache-2.0
// nomic-bert (Nussbaum et al. 2024): bert with rotary positions on halves, SwiGLU, and biases in
// its norms alone.
#include "engine/models/architectures.h"
#include "engine/models/encoder_reader.h"

namespace plinth::engine {

Result<EncoderPlan> plan_nomic_bert(ModelReader& reader) {
  EncoderPlan plan;
  Metadata& metadata = reader.metadata;
  const EncoderSizes sizes = TRY(read_encoder_sizes(metadata, plan));
  if (TRY(metadata.integer("moe_every_n_layers", 0, INT64_MAX)).value_or(0) != 0) {
    return metadata.unsupported("moe_every_n_layers", "encoders with experts are not computed");
  }
  const int64_t head_length = plan.width / plan.heads;
  const int64_t turned =
      TRY(metadata.integer("rope.dimension_count", 2, head_length)).value_or(head_length);
  if (turned % 2 != 0) return metadata.malformed("rope.dimension_count", "must be even");
  TRY(read_encoder_embeddings(reader, plan));
  plan.rope = TRY(read_rope(reader, RopePairing::halves, turned));
  for (int64_t i = 0; i < sizes.layers; ++i) {
    const std::string prefix = layer_prefix(i);
    EncoderLayer layer = TRY(read_encoder_layer(reader, prefix, plan, Bias::none));
    const auto linear = [&](const char* name, int64_t rows, int64_t length) {
      return reader.weights.linear(prefix + name, rows, length, Bias::none);
    };
    layer.gate = TRY(linear("ffn_gate", sizes.feed_forward, plan.width));
    layer.up = TRY(linear("ffn_up", sizes.feed_forward, plan.width));
    layer.down = TRY(linear("ffn_down", plan.width, sizes.feed_forward));
    plan.layers.push_back(std::move(layer));
  }
  return plan;
}

}  // namespace plinth::engine
