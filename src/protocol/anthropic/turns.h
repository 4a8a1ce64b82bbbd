// SPDX-License-Identifier: Apache-2.0
// Decoding of what a conversation is made of: the system prompt and the turns with their blocks.
#pragma once

#include <vector>

#include "protocol/chat.h"

namespace plinth::protocol::anthropic {

// "system" first, then "messages".
Result<std::vector<Message>> decode_turns(const Json& body);

// 1..128 characters of [a-zA-Z0-9_-].
bool is_tool_name(std::string_view name);

}  // namespace plinth::protocol::anthropic
