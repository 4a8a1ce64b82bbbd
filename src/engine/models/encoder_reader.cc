// SPDX-License-Identifier: Apache-2.0
// Sizes come from metadata; tensors must then have the shapes that follow from them.
#include "engine/models/encoder_reader.h"

#include "engine/models/decoder_reader.h"

namespace plinth::engine {
namespace {

Result<Pooling> read_pooling(Metadata& metadata) {
  constexpr std::string_view kName = "pooling_type";
  constexpr int64_t kMean = 1;
  const int64_t type = TRY(metadata.integer(kName, 0, INT64_MAX)).value_or(kMean);
  switch (type) {
    case static_cast<int64_t>(Pooling::mean):
      return Pooling::mean;
    case static_cast<int64_t>(Pooling::first):
      return Pooling::first;
    case static_cast<int64_t>(Pooling::last):
      return Pooling::last;
    default:
      return metadata.unsupported(kName, std::to_string(type) +
                                             " is not computed; 1 (mean), 2 (first token) and 3 "
                                             "(last token) are");
  }
}

Result<LayerNorm> read_norm(ModelReader& reader, const std::string& name, int64_t width) {
  LayerNorm norm;
  norm.weight = TRY(reader.weights.vector(name + ".weight", width));
  norm.bias = TRY(reader.weights.vector(name + ".bias", width));
  return norm;
}

// One third of a fused tensor and of its bias.
Linear third_of(const Linear& fused, int64_t index, int64_t width) {
  Linear part;
  part.weight = rows_of(fused.weight, index * width, width);
  if (!fused.bias.empty()) {
    const auto begin = fused.bias.begin() + index * width;
    part.bias.assign(begin, begin + width);
  }
  return part;
}

Status read_projections(ModelReader& reader, const std::string& prefix, int64_t width, Bias bias,
                        EncoderLayer& layer) {
  WeightReader& weights = reader.weights;
  if (weights.has(prefix + "attn_qkv.weight")) {
    const Linear fused = TRY(weights.linear(prefix + "attn_qkv", 3 * width, width, bias));
    layer.query = third_of(fused, 0, width);
    layer.key = third_of(fused, 1, width);
    layer.value = third_of(fused, 2, width);
    return ok();
  }
  layer.query = TRY(weights.linear(prefix + "attn_q", width, width, bias));
  layer.key = TRY(weights.linear(prefix + "attn_k", width, width, bias));
  layer.value = TRY(weights.linear(prefix + "attn_v", width, width, bias));
  return ok();
}

}  // namespace

Result<EncoderSizes> read_encoder_sizes(Metadata& metadata, EncoderPlan& plan) {
  EncoderSizes sizes;
  sizes.layers = TRY(metadata.required_integer("block_count", 1, kLayersMax));
  sizes.feed_forward = TRY(read_feed_forward_length(metadata));
  plan.width = TRY(metadata.required_integer("embedding_length", 1, kWidthMax));
  plan.tokens_max = TRY(metadata.required_integer("context_length", 1, kEncoderTokensMax));
  plan.heads = TRY(metadata.required_integer("attention.head_count", 1, kHeadsMax));
  if (plan.width % plan.heads != 0) {
    return metadata.malformed("attention.head_count",
                              std::to_string(plan.heads) +
                                  " heads do not divide the embedding length " +
                                  std::to_string(plan.width));
  }
  for (const std::string_view name : {"attention.key_length", "attention.value_length"}) {
    const int64_t length = plan.width / plan.heads;
    if (TRY(metadata.integer(name, 1, kHeadLengthMax)).value_or(length) != length) {
      return metadata.unsupported(name, "heads have their share of the width");
    }
  }
  const auto kv_heads = TRY(metadata.same_in_all_layers("attention.head_count_kv", 1, kHeadsMax));
  if (kv_heads.value_or(plan.heads) != plan.heads) {
    return metadata.unsupported("attention.head_count_kv", "every head has keys of its own");
  }
  const auto epsilon = TRY(metadata.number("attention.layer_norm_epsilon"));
  if (!epsilon || *epsilon < 0) {
    return metadata.malformed("attention.layer_norm_epsilon", "missing or below 0");
  }
  plan.epsilon = static_cast<float>(*epsilon);
  if (TRY(metadata.boolean("attention.causal")).value_or(false)) {
    return metadata.unsupported("attention.causal", "encoders look at all tokens");
  }
  plan.pooling = TRY(read_pooling(metadata));
  return sizes;
}

Status read_encoder_embeddings(ModelReader& reader, EncoderPlan& plan) {
  const gguf::Contents& contents = reader.metadata.contents();
  const auto rows = [&](std::string_view name, int64_t max) -> Result<int64_t> {
    const gguf::Tensor* tensor = contents.find_tensor(name);
    if (tensor && tensor->dimensions.size() == 2 &&
        tensor->dimensions[1] <= static_cast<uint64_t>(max)) {
      return static_cast<int64_t>(tensor->dimensions[1]);
    }
    return make_error(
        ErrorCode::malformed,
        std::string(name) + ": missing or not a matrix of at most " + std::to_string(max) + " rows",
        std::string(name));
  };
  plan.vocabulary = TRY(rows("token_embd.weight", kVocabularyMax));
  plan.embeddings = TRY(reader.weights.matrix("token_embd.weight", plan.vocabulary, plan.width));
  // Every text is a first sentence: type 0.
  if (contents.find_tensor("token_types.weight")) {
    const int64_t types = TRY(rows("token_types.weight", kVocabularyMax));
    const Matrix matrix = TRY(reader.weights.matrix("token_types.weight", types, plan.width));
    if (types < 1) return make_error(ErrorCode::malformed, "token_types.weight: has no rows");
    plan.token_type = reader.weights.row(matrix, 0);
  }
  plan.embedding_norm = TRY(read_norm(reader, "token_embd_norm", plan.width));
  return ok();
}

Result<EncoderLayer> read_encoder_layer(ModelReader& reader, const std::string& prefix,
                                        const EncoderPlan& plan, Bias bias) {
  EncoderLayer layer;
  TRY(read_projections(reader, prefix, plan.width, bias, layer));
  layer.attention_output =
      TRY(reader.weights.linear(prefix + "attn_output", plan.width, plan.width, bias));
  layer.attention_norm = TRY(read_norm(reader, prefix + "attn_output_norm", plan.width));
  layer.output_norm = TRY(read_norm(reader, prefix + "layer_output_norm", plan.width));
  return layer;
}

}  // namespace plinth::engine
