// SPDX-License-Identifier: Apache-2.0
// Replies of chat/completions.
#pragma once

#include <memory>

#include "protocol/openai.h"
#include "protocol/reply_encoder.h"

namespace plinth::protocol::openai {

std::unique_ptr<ReplyEncoder> create_chat_encoder(ReplyHead head, size_t choices,
                                                  bool is_usage_wanted);

}  // namespace plinth::protocol::openai
