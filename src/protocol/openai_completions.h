// SPDX-License-Identifier: Apache-2.0
// Completions: prompts gone on with as they stand, without a chat template.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/openai.h"
#include "protocol/reply_encoder.h"

namespace plinth::protocol::openai {

inline constexpr size_t kCompletionChoicesMax = 64;  // of all prompts together
inline constexpr int64_t kCompletionTokensDefault = 16;

struct CompletionCall {
  ChatRequest request;               // without its prompt
  std::vector<PlainPrompt> prompts;  // at least one
  size_t choices = 1;                // n, of each prompt
  bool is_echo = false;              // the prompt's text stands before each choice's
  bool is_stream = false;
  bool is_usage_wanted = false;
};

// Fields that cannot be honoured (suffix, best_of above n) are refused by name.
Result<CompletionCall> decode_completion(const Json& body);

struct CompletionShape {
  size_t prompts = 1;
  size_t choices = 1;                    // of each prompt; those of the first prompt come first
  std::vector<std::string> echoes = {};  // one a prompt, or none
  bool are_logprobs_wanted = false;
  bool is_usage_wanted = false;
};

// A stream has no chunk before the one of a choice's first token.
std::unique_ptr<ReplyEncoder> create_completion_encoder(ReplyHead head, CompletionShape shape);

}  // namespace plinth::protocol::openai
