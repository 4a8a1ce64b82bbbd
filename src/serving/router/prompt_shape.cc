// SPDX-License-Identifier: Apache-2.0
// A chained hash over messages: two prompts share a mark only when everything before it is equal
// too.
#include "serving/router/prompt_shape.h"

#include "base/hash.h"

namespace plinth::serving {

namespace {

// Common rule of thumb for byte-pair tokenizers on English text; the error is the same for every
// replica.
constexpr int64_t kBytesPerToken = 4;
constexpr int64_t kTokensPerMessage = 4;  // role and separators

int64_t tokens_of(size_t bytes) { return static_cast<int64_t>(bytes) / kBytesPerToken; }

}  // namespace

PromptShape shape_of(const protocol::ChatRequest& chat) {
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
    size_t bytes = message.content.size();
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
