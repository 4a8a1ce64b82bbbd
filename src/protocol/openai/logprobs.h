// SPDX-License-Identifier: Apache-2.0
// "logprobs" of a choice: {"content": [{token, logprob, bytes, top_logprobs}]}.
#pragma once

#include <vector>

#include "protocol/chat.h"

namespace plinth::protocol::openai {

// null where there are none.
Json encode_logprobs(const std::vector<ChosenLogprob>& logprobs);

// Of an upstream's choice: what is not as it should be is left out.
std::vector<ChosenLogprob> decode_logprobs(const Json& logprobs);

}  // namespace plinth::protocol::openai
