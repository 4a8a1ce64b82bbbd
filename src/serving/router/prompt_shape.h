// SPDX-License-Identifier: Apache-2.0
// What routing needs to know about a prompt: about how long it is, and which starts it shares with
// earlier ones.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/chat.h"
#include "protocol/embeddings.h"

namespace plinth::serving {

// The prompt up to and including one message, or one piece of a plain prompt.
struct PrefixMark {
  uint64_t hash = 0;
  int64_t tokens = 0;  // estimated
};

struct PromptShape {
  int64_t tokens = 0;                // estimated from bytes: the router does not tokenize
  std::vector<PrefixMark> prefixes;  // shortest first
};

PromptShape shape_of(const protocol::ChatRequest& chat);
// Embeddings share no starts.
PromptShape shape_of(const protocol::EmbeddingRequest& embedding);

}  // namespace plinth::serving
