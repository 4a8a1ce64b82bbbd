// SPDX-License-Identifier: Apache-2.0
#include "protocol/openai/usage.h"

namespace plinth::protocol::openai {

Json encode_usage(const Usage& usage) {
  Json encoded = Json::object(
      {{"prompt_tokens", usage.prompt_tokens},
       {"completion_tokens", usage.completion_tokens},
       {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
       {"prompt_tokens_details", Json::object({{"cached_tokens", usage.cached_tokens}})}});
  if (usage.reasoning_tokens > 0) {
    encoded.set("completion_tokens_details",
                Json::object({{"reasoning_tokens", usage.reasoning_tokens}}));
  }
  return encoded;
}

}  // namespace plinth::protocol::openai
