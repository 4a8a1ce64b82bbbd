// SPDX-License-Identifier: Apache-2.0
// What decoder architectures have in common: sizes and weights under the names that GGUF gives
// them. Each architecture's file says which of these parts it has.
#pragma once

#include "engine/models/decoder_plan.h"
#include "engine/models/model_reader.h"

namespace plinth::engine {

inline constexpr int64_t kLayersMax = 1024;
inline constexpr int64_t kWidthMax = 1 << 17;
inline constexpr int64_t kFeedForwardMax = 8 * kWidthMax;
inline constexpr int64_t kHeadsMax = 1 << 10;
inline constexpr int64_t kHeadLengthMax = 1 << 12;
inline constexpr int64_t kExpertsMax = 1 << 10;
inline constexpr int64_t kExpertsUsedMax = 64;
inline constexpr int64_t kVocabularyMax = 1 << 20;

struct DecoderSizes {
  int64_t layers = 0;
  int64_t width = 0;
  int64_t rope_length = 0;  // leading values of a head that turn
  float epsilon = 0;
  HeadShape shape;  // scale is 1 / sqrt(key_length)
};

// Errors of all readers: malformed and unsupported, naming the key or the tensor.
Result<DecoderSizes> read_sizes(Metadata& metadata);

// A plan with its sizes, embeddings, output norm and output; layers and ropes are left to fill.
Result<DecoderPlan> begin_plan(ModelReader& reader, const DecoderSizes& sizes);

// attn_q, attn_k, attn_v and attn_output of the layer, with biases as said.
Result<AttentionPlan> read_attention(ModelReader& reader, const std::string& prefix,
                                     const DecoderSizes& sizes, Bias projections, Bias output);
// attn_q_norm and attn_k_norm.
Status read_head_norms(ModelReader& reader, const std::string& prefix, const DecoderSizes& sizes,
                       AttentionPlan& attention);

Result<int64_t> read_feed_forward_length(Metadata& metadata);
// ffn_gate, ffn_up and ffn_down.
Result<FeedForwardPlan> read_feed_forward(ModelReader& reader, const std::string& prefix,
                                          int64_t width, int64_t length, Bias bias);

struct ExpertSizes {
  int64_t count = 0;
  int64_t used = 0;
  int64_t length = 0;  // of one expert's feed-forward
  float scale = 1;
};
// expert_*; `length` is used where the file has no expert_feed_forward_length.
Result<ExpertSizes> read_expert_sizes(Metadata& metadata, int64_t length);
// ffn_gate_inp, ffn_gate_exps, ffn_up_exps and ffn_down_exps.
Result<ExpertsPlan> read_experts(ModelReader& reader, const std::string& prefix, int64_t width,
                                 const ExpertSizes& sizes, Bias bias);

}  // namespace plinth::engine
