// SPDX-License-Identifier: Apache-2.0
// How tokens are chosen and when a reply ends.
#pragma once

#include "protocol/chat.h"

namespace plinth::protocol::openai {

// temperature, top_p, seed, penalties, logit_bias, log probabilities, stop and the length; and of
// what vLLM and llama.cpp add top_k, min_p, repetition_penalty and ignore_eos.
Status decode_sampling(const Json& body, ChatRequest& request);
// The same without log probabilities, which every endpoint asks for in its own way.
Status decode_sampling_without_logprobs(const Json& body, ChatRequest& request);

// The same for an upstream: sets the members of `body`.
void encode_sampling(const ChatRequest& request, Json& body);

}  // namespace plinth::protocol::openai
