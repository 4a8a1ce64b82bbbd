// SPDX-License-Identifier: Apache-2.0
// A chained hash over messages: two prompts share a mark only when everything before it is equal
// too.
#include "serving/router/prompt_shape.h"

#include <algorithm>

#include "base/hash.h"

namespace plinth::serving {

namespace {

// Common rule of thumb for byte-pair tokenizers on English text; the error is the same for every
// replica.
constexpr int64_t kBytesPerToken = 4;
constexpr int64_t kTokensPerMessage = 4;  // role and separators

// A plain prompt is marked at places that depend on nothing but the bytes before them, so that
// prompts of any length share the marks of an equal start. Far from the start they stand further
// apart: 8 MiB have fewer than 150.
constexpr size_t kPieceBytesMin = 512;
constexpr size_t kPieceShare = 16;  // of the bytes before it

int64_t tokens_of(size_t bytes) { return static_cast<int64_t>(bytes) / kBytesPerToken; }

PromptShape shape_of_bytes(std::string_view bytes, uint64_t hash) {
  PromptShape shape;
  for (size_t at = 0; at < bytes.size();) {
    const size_t piece = std::max(kPieceBytesMin, at / kPieceShare);
    hash = hash64(bytes.substr(at, piece), hash);
    at = std::min(at + piece, bytes.size());
    shape.prefixes.push_back({hash, tokens_of(at)});
  }
  shape.tokens = tokens_of(bytes.size());
  return shape;
}

PromptShape shape_of_prompt(const protocol::PlainPrompt& prompt) {
  if (prompt.tokens.empty()) return shape_of_bytes(prompt.text, hash64("text"));
  static_assert(sizeof(prompt.tokens[0]) == kBytesPerToken);
  return shape_of_bytes({reinterpret_cast<const char*>(prompt.tokens.data()),
                         prompt.tokens.size() * sizeof(prompt.tokens[0])},
                        hash64("tokens"));
}

}  // namespace

PromptShape shape_of(const protocol::ChatRequest& chat) {
  if (chat.prompt) return shape_of_prompt(*chat.prompt);
  PromptShape shape;
  uint64_t hash = 0;
  if (chat.tool_choice != protocol::ToolChoice::none) {
    for (const protocol::ToolSpec& tool : chat.tools) {
      const std::string parameters = tool.parameters.dump();
      hash = hash64(tool.name, hash);
      hash = hash64(tool.description, hash);
      hash = hash64(parameters, hash);
      shape.tokens += tokens_of(tool.name.size() + tool.description.size() + parameters.size());
    }
  }
  shape.prefixes.reserve(chat.messages.size());
  for (const protocol::Message& message : chat.messages) {
    hash = hash64(protocol::role_name(message.role), hash);
    hash = hash64(message.content, hash);
    hash = hash64(message.reasoning, hash);
    size_t bytes = message.content.size() + message.reasoning.size();
    for (const protocol::ToolCall& call : message.tool_calls) {
      hash = hash64(call.name, hash);
      hash = hash64(call.arguments, hash);
      bytes += call.name.size() + call.arguments.size();
    }
    shape.tokens += tokens_of(bytes) + kTokensPerMessage;
    shape.prefixes.push_back({hash, shape.tokens});
  }
  return shape;
}

PromptShape shape_of(const protocol::EmbeddingRequest& embedding) {
  PromptShape shape;
  for (const protocol::EmbeddingInput& input : embedding.inputs) {
    shape.tokens += tokens_of(input.text.size()) + static_cast<int64_t>(input.tokens.size());
  }
  return shape;
}

}  // namespace plinth::serving
