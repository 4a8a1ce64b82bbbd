// SPDX-License-Identifier: Apache-2.0
// What encoder architectures have in common, under the names that GGUF gives it.
#pragma once

#include "engine/models/encoder_plan.h"
#include "engine/models/model_reader.h"

namespace plinth::engine {

inline constexpr int64_t kEncoderTokensMax = 1 << 16;

struct EncoderSizes {
  int64_t layers = 0;
  int64_t feed_forward = 0;
};

// Errors of all readers: malformed and unsupported, naming the key or the tensor.
Result<EncoderSizes> read_encoder_sizes(Metadata& metadata, EncoderPlan& plan);

// token_embd, token_types, token_embd_norm.
Status read_encoder_embeddings(ModelReader& reader, EncoderPlan& plan);

// Everything but the feed-forward: queries, keys and values apart or fused, and both norms.
Result<EncoderLayer> read_encoder_layer(ModelReader& reader, const std::string& prefix,
                                        const EncoderPlan& plan, Bias bias);

}  // namespace plinth::engine
