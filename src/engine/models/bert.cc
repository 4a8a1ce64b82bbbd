// SPDX-License-Identifier: Apache-2.0
// bert (Devlin et al. 2018): learned positions, norms after each part, GELU in its tanh form, which
// is how GGUF files of it are computed.
#include "engine/models/architectures.h"
#include "engine/models/encoder_reader.h"

namespace plinth::engine {

Result<EncoderPlan> plan_bert(ModelReader& reader) {
  EncoderPlan plan;
  const EncoderSizes sizes = TRY(read_encoder_sizes(reader.metadata, plan));
  TRY(read_encoder_embeddings(reader, plan));
  plan.positions = TRY(reader.weights.matrix("position_embd.weight", plan.tokens_max, plan.width));
  for (int64_t i = 0; i < sizes.layers; ++i) {
    const std::string prefix = layer_prefix(i);
    EncoderLayer layer = TRY(read_encoder_layer(reader, prefix, plan, Bias::required));
    layer.up = TRY(
        reader.weights.linear(prefix + "ffn_up", sizes.feed_forward, plan.width, Bias::required));
    layer.down = TRY(
        reader.weights.linear(prefix + "ffn_down", plan.width, sizes.feed_forward, Bias::required));
    plan.layers.push_back(std::move(layer));
  }
  return plan;
}

}  // namespace plinth::engine
