// SPDX-License-Identifier: Apache-2.0
// What config.json says, as GGUF metadata.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/convert/checkpoint/families.h"
#include "engine/gguf/writer.h"

namespace plinth::engine::checkpoint {

// Sizes that say how tensors are placed.
struct Sizes {
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_length = 0;
};

// A tensor that is made from the configuration.
struct MadeTensor {
  std::string name;
  std::vector<float> values;
};

// The configuration of the text model: config.json, or what stands in it as text_config.
const Json& text_config(const Json& config);

// Refuses, by key and value, what is not computed. Errors: malformed, unsupported.
Status check_config(const Family& family, const Json& config);

Result<Sizes> read_sizes(const Family& family, const Json& config);

// Everything under the architecture's name but the rope's keys.
Status add_sizes(const Family& family, const Json& config, gguf::MetadataWriter& out);

// rope.* and the tensors of factors that some ropes have. Of decoders.
Result<std::vector<MadeTensor>> add_rope(const Family& family, const Json& config,
                                         const Sizes& sizes, gguf::MetadataWriter& out);

// What generation_config.json recommends; the bounds are checked when the model is loaded.
void add_sampling(const Json& generation_config, gguf::MetadataWriter& out);

// GGUF's pooling_type of what an embedder's 1_Pooling/config.json says; nullopt when it is null.
Result<std::optional<uint32_t>> read_pooling(const Json& pooling);

}  // namespace plinth::engine::checkpoint
