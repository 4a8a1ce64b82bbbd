// SPDX-License-Identifier: Apache-2.0
// A byte-level BPE vocabulary that nobody trained, so that a synthesized model loads and tokenizes
// any text.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/gguf/writer.h"

namespace plinth::engine {

inline constexpr int64_t kMadeUpTokensMin = 512;

// Adds the tokenizer's metadata: the 256 byte tokens, pairs of lower-case letters with their merges
// (as far as there is room), fillers of kind unused, and three control tokens with a chat template
// of them. `tokens` is at least kMadeUpTokensMin.
void add_made_up_vocabulary(int64_t tokens, std::string_view pre, gguf::MetadataWriter& out);

}  // namespace plinth::engine
