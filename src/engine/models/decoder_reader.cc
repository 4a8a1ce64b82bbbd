// SPDX-License-Identifier: Apache-2.0
// Sizes come from metadata; tensors must then have the shapes that follow from them.
#include "engine/models/decoder_reader.h"

#include <cmath>

namespace plinth::engine {
namespace {

// A head's length as the file says, else its share of the width.
Result<int64_t> read_head_length(Metadata& metadata, std::string_view name, int64_t width,
                                 int64_t heads) {
  const auto given = TRY(metadata.integer(name, 2, kHeadLengthMax));
  if (given) return *given;
  if (width % heads != 0 || width / heads < 2) {
    return metadata.malformed("attention.head_count",
                              std::to_string(heads) + " heads do not divide the embedding length " +
                                  std::to_string(width));
  }
  return width / heads;
}

Result<HeadShape> read_head_shape(Metadata& metadata, int64_t width) {
  HeadShape shape;
  const auto heads = TRY(metadata.same_in_all_layers("attention.head_count", 1, kHeadsMax));
  if (!heads) return metadata.malformed("attention.head_count", "the file lacks this key");
  shape.heads = *heads;
  shape.kv_heads = TRY(metadata.same_in_all_layers("attention.head_count_kv", 1, kHeadsMax))
                       .value_or(shape.heads);
  if (shape.heads % shape.kv_heads != 0) {
    return metadata.malformed("attention.head_count_kv",
                              std::to_string(shape.kv_heads) + " does not divide the " +
                                  std::to_string(shape.heads) + " heads");
  }
  shape.key_length = TRY(read_head_length(metadata, "attention.key_length", width, shape.heads));
  shape.value_length =
      TRY(read_head_length(metadata, "attention.value_length", width, shape.heads));
  shape.scale = 1.0f / std::sqrt(static_cast<float>(shape.key_length));
  return shape;
}

}  // namespace

Result<DecoderSizes> read_sizes(Metadata& metadata) {
  DecoderSizes sizes;
  sizes.layers = TRY(metadata.required_integer("block_count", 1, kLayersMax));
  sizes.width = TRY(metadata.required_integer("embedding_length", 1, kWidthMax));
  sizes.shape = TRY(read_head_shape(metadata, sizes.width));
  sizes.rope_length = TRY(metadata.integer("rope.dimension_count", 2, sizes.shape.key_length))
                          .value_or(sizes.shape.key_length);
  if (sizes.rope_length % 2 != 0) {
    return metadata.malformed("rope.dimension_count", "must be even");
  }
  const auto epsilon = TRY(metadata.number("attention.layer_norm_rms_epsilon"));
  if (!epsilon || *epsilon < 0) {
    return metadata.malformed("attention.layer_norm_rms_epsilon", "missing or below 0");
  }
  sizes.epsilon = static_cast<float>(*epsilon);
  if (!TRY(metadata.boolean("attention.causal")).value_or(true)) {
    return metadata.unsupported("attention.causal", "decoders look back only");
  }
  return sizes;
}

Result<DecoderPlan> begin_plan(ModelReader& reader, const DecoderSizes& sizes) {
  const gguf::Tensor* embeddings = reader.metadata.contents().find_tensor("token_embd.weight");
  if (!embeddings || embeddings->dimensions.size() != 2 ||
      embeddings->dimensions[1] > static_cast<uint64_t>(kVocabularyMax)) {
    return make_error(ErrorCode::malformed,
                      "token_embd.weight: missing or not a matrix of at most " +
                          std::to_string(kVocabularyMax) + " rows",
                      "token_embd.weight");
  }
  DecoderPlan plan;
  plan.width = sizes.width;
  plan.vocabulary = static_cast<int64_t>(embeddings->dimensions[1]);
  plan.epsilon = sizes.epsilon;
  plan.shape = sizes.shape;
  plan.embeddings = TRY(reader.weights.matrix("token_embd.weight", plan.vocabulary, plan.width));
  plan.output_norm = TRY(reader.weights.vector("output_norm.weight", plan.width));
  plan.output.weight = plan.embeddings;
  if (reader.weights.has("output.weight")) {
    plan.output.weight = TRY(reader.weights.matrix("output.weight", plan.vocabulary, plan.width));
  }
  return plan;
}

Result<AttentionPlan> read_attention(ModelReader& reader, const std::string& prefix,
                                     const DecoderSizes& sizes, Bias projections, Bias output) {
  const HeadShape& shape = sizes.shape;
  WeightReader& weights = reader.weights;
  AttentionPlan attention;
  attention.query = TRY(
      weights.linear(prefix + "attn_q", shape.heads * shape.key_length, sizes.width, projections));
  attention.key = TRY(weights.linear(prefix + "attn_k", shape.kv_heads * shape.key_length,
                                     sizes.width, projections));
  attention.value = TRY(weights.linear(prefix + "attn_v", shape.kv_heads * shape.value_length,
                                       sizes.width, projections));
  attention.output = TRY(weights.linear(prefix + "attn_output", sizes.width,
                                        shape.heads * shape.value_length, output));
  return attention;
}

Status read_head_norms(ModelReader& reader, const std::string& prefix, const DecoderSizes& sizes,
                       AttentionPlan& attention) {
  const int64_t length = sizes.shape.key_length;
  attention.query_norm = TRY(reader.weights.vector(prefix + "attn_q_norm.weight", length));
  attention.key_norm = TRY(reader.weights.vector(prefix + "attn_k_norm.weight", length));
  return ok();
}

Result<int64_t> read_feed_forward_length(Metadata& metadata) {
  constexpr std::string_view kName = "feed_forward_length";
  const auto length = TRY(metadata.same_in_all_layers(kName, 1, kFeedForwardMax));
  if (!length) return metadata.malformed(kName, "the file lacks this key");
  return *length;
}

Result<FeedForwardPlan> read_feed_forward(ModelReader& reader, const std::string& prefix,
                                          int64_t width, int64_t length, Bias bias) {
  FeedForwardPlan plan;
  plan.gate = TRY(reader.weights.linear(prefix + "ffn_gate", length, width, bias));
  plan.up = TRY(reader.weights.linear(prefix + "ffn_up", length, width, bias));
  plan.down = TRY(reader.weights.linear(prefix + "ffn_down", width, length, bias));
  return plan;
}

Result<ExpertSizes> read_expert_sizes(Metadata& metadata, int64_t length) {
  ExpertSizes sizes;
  sizes.count = TRY(metadata.required_integer("expert_count", 1, kExpertsMax));
  sizes.used = TRY(
      metadata.required_integer("expert_used_count", 1, std::min(sizes.count, kExpertsUsedMax)));
  sizes.length =
      TRY(metadata.integer("expert_feed_forward_length", 1, kFeedForwardMax)).value_or(length);
  // Files write 0 for "not scaled".
  const double scale = TRY(metadata.number("expert_weights_scale")).value_or(0);
  if (scale != 0) sizes.scale = static_cast<float>(scale);
  constexpr std::string_view kRenormalized = "expert_weights_norm";
  if (!TRY(metadata.boolean(kRenormalized)).value_or(true)) {
    return metadata.unsupported(kRenormalized, "weights of the used experts always add up to 1");
  }
  // 0: not said; 1: softmax over all; 3: softmax over the used ones. Renormalised they are equal.
  const int64_t gating = TRY(metadata.integer("expert_gating_func", 0, INT64_MAX)).value_or(0);
  if (gating != 0 && gating != 1 && gating != 3) {
    return metadata.unsupported("expert_gating_func",
                                std::to_string(gating) + " is not computed; softmax (1, 3) is");
  }
  if (TRY(metadata.integer("expert_shared_count", 0, kExpertsMax)).value_or(0) != 0) {
    return metadata.unsupported("expert_shared_count", "experts used by every token are not known");
  }
  return sizes;
}

Result<ExpertsPlan> read_experts(ModelReader& reader, const std::string& prefix, int64_t width,
                                 const ExpertSizes& sizes, Bias bias) {
  WeightReader& weights = reader.weights;
  ExpertsPlan plan;
  plan.used = sizes.used;
  plan.scale = sizes.scale;
  plan.router = TRY(weights.linear(prefix + "ffn_gate_inp", sizes.count, width, bias));
  plan.gate =
      TRY(weights.linears(prefix + "ffn_gate_exps", sizes.count, sizes.length, width, bias));
  plan.up = TRY(weights.linears(prefix + "ffn_up_exps", sizes.count, sizes.length, width, bias));
  plan.down =
      TRY(weights.linears(prefix + "ffn_down_exps", sizes.count, width, sizes.length, bias));
  return plan;
}

}  // namespace plinth::engine
