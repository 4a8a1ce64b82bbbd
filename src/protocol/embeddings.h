// SPDX-License-Identifier: Apache-2.0
// The neutral request for embeddings. Its reply is a ChatReply with vectors and usage.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace plinth::protocol {

struct EmbeddingInput {
  std::string text;
  std::vector<int32_t> tokens = {};  // of the model's vocabulary; not empty: instead of the text
  bool operator==(const EmbeddingInput&) const = default;
};

struct EmbeddingRequest {
  std::string model;
  std::vector<EmbeddingInput> inputs;  // each makes a vector
};

}  // namespace plinth::protocol
