// SPDX-License-Identifier: Apache-2.0
// Tokens of texts and conversations and back, in vLLM's shape and in llama.cpp's.
#pragma once

#include <string>
#include <vector>

#include "protocol/chat.h"

namespace plinth::protocol::openai {

struct TokenizeBody {
  ChatRequest chat;                // model, which may be empty; prompt, or messages and tools
  bool is_special_added = true;    // add_special_tokens, add_special
  bool is_special_parsed = false;  // parse_special
  bool are_texts_wanted = false;   // return_token_strs, with_pieces
  bool is_content = false;         // llama.cpp's shape: {content} -> {tokens}
};

// Takes exactly one of prompt, messages and content.
Result<TokenizeBody> decode_tokenize(const Json& body);
// texts: one a token; they need not be whole characters.
Json encode_tokenized(const TokenizeBody& body, const std::vector<int32_t>& tokens,
                      const std::vector<std::string>& texts, int64_t context_tokens);

struct DetokenizeBody {
  std::string model;  // may be empty
  std::vector<int32_t> tokens;
};

Result<DetokenizeBody> decode_detokenize(const Json& body);
// {prompt, content}: the text by both names.
Json encode_detokenized(const std::string& text);

}  // namespace plinth::protocol::openai
