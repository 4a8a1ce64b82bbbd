// SPDX-License-Identifier: Apache-2.0
// Reads the sizes of a llama model from its metadata, and refuses variants that are not computed.
#include "engine/models/llama.h"

namespace plinth::engine {
namespace {

constexpr int64_t kLayersMax = 1024;
constexpr int64_t kWidthMax = 1 << 17;
constexpr int64_t kHeadsMax = 1 << 10;
constexpr int64_t kHeadLengthMax = 1 << 12;

Error unsupported(std::string_view key, const std::string& cause) {
  return make_error(ErrorCode::unsupported, std::string(key) + ": " + cause, std::string(key));
}

Status check_variant(const gguf::Contents& contents) {
  if (TRY(contents.integer("llama.expert_count", 0, INT64_MAX)).value_or(0) > 0) {
    return unsupported("llama.expert_count", "mixture-of-experts models are not supported");
  }
  for (const std::string_view key : {"llama.attention.sliding_window", "llama.attention.scale"}) {
    if (contents.find(key)) return unsupported(key, "models with this key are not supported");
  }
  return ok();
}

Result<double> read_rope_scale(const gguf::Contents& contents) {
  constexpr std::string_view kType = "llama.rope.scaling.type";
  const std::string_view type = TRY(contents.string(kType)).value_or("none");
  if (type == "none") return 1.0;
  if (type != "linear") {
    return unsupported(kType,
                       "\"" + std::string(type) + "\" is not supported; none and linear are");
  }
  const double factor = TRY(contents.number("llama.rope.scaling.factor")).value_or(1.0);
  if (factor <= 0) {
    return make_error(ErrorCode::malformed, "llama.rope.scaling.factor: must be above 0");
  }
  return factor;
}

}  // namespace

Result<LlamaShape> LlamaShape::read(const gguf::Contents& contents) {
  TRY(check_variant(contents));
  LlamaShape shape;
  shape.layers = TRY(contents.required_integer("llama.block_count", 1, kLayersMax));
  shape.width = TRY(contents.required_integer("llama.embedding_length", 1, kWidthMax));
  shape.feed_forward =
      TRY(contents.required_integer("llama.feed_forward_length", 1, 8 * kWidthMax));
  shape.heads = TRY(contents.required_integer("llama.attention.head_count", 1, kHeadsMax));
  shape.kv_heads =
      TRY(contents.integer("llama.attention.head_count_kv", 1, kHeadsMax)).value_or(shape.heads);
  if (shape.heads % shape.kv_heads != 0) {
    return make_error(ErrorCode::malformed,
                      "llama.attention.head_count_kv: " + std::to_string(shape.kv_heads) +
                          " does not divide the " + std::to_string(shape.heads) + " heads");
  }
  const auto head_length = [&](std::string_view key) -> Result<int64_t> {
    const auto given = TRY(contents.integer(key, 2, kHeadLengthMax));
    if (given) return *given;
    if (shape.width % shape.heads != 0 || shape.width / shape.heads < 2) {
      return make_error(ErrorCode::malformed,
                        "llama.attention.head_count: " + std::to_string(shape.heads) +
                            " heads do not divide the embedding length " +
                            std::to_string(shape.width));
    }
    return shape.width / shape.heads;
  };
  shape.key_length = TRY(head_length("llama.attention.key_length"));
  shape.value_length = TRY(head_length("llama.attention.value_length"));
  shape.rope_length = TRY(contents.integer("llama.rope.dimension_count", 2, shape.key_length))
                          .value_or(shape.key_length);
  if (shape.rope_length % 2 != 0) {
    return make_error(ErrorCode::malformed, "llama.rope.dimension_count: must be even");
  }
  const auto epsilon = TRY(contents.number("llama.attention.layer_norm_rms_epsilon"));
  if (!epsilon || *epsilon < 0) {
    return make_error(ErrorCode::malformed,
                      "llama.attention.layer_norm_rms_epsilon: missing or below 0");
  }
  shape.epsilon = static_cast<float>(*epsilon);
  shape.rope_base = TRY(contents.number("llama.rope.freq_base")).value_or(10000.0);
  if (shape.rope_base <= 0) {
    return make_error(ErrorCode::malformed, "llama.rope.freq_base: must be above 0");
  }
  shape.rope_scale = TRY(read_rope_scale(contents));

  const gguf::Tensor* embeddings = contents.find_tensor("token_embd.weight");
  if (!embeddings || embeddings->dimensions.size() != 2 || embeddings->dimensions[1] > INT32_MAX) {
    return make_error(ErrorCode::malformed, "token_embd.weight: missing or not a matrix");
  }
  shape.vocabulary = static_cast<int64_t>(embeddings->dimensions[1]);
  return shape;
}

}  // namespace plinth::engine
