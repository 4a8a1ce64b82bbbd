// SPDX-License-Identifier: Apache-2.0
// Decoding of the two lists of a chat request: messages and tools.
#pragma once

#include <vector>

#include "protocol/chat.h"

namespace plinth::protocol::openai {

Result<std::vector<Message>> decode_messages(const Json& body);
Result<std::vector<ToolSpec>> decode_tools(const Json& body);

// The calls of one assistant message; `path` is the list's place in the body.
Result<std::vector<ToolCall>> decode_tool_calls(const Json& list, const std::string& path);

// Of a tool: 1..64 characters of [a-zA-Z0-9_-].
bool is_function_name(std::string_view name);

inline constexpr size_t kCalledNameBytesMax = 256;
// Of a call in the conversation: models call functions by names that no tool has, and the
// conversation goes on all the same. Error invalid_argument.
Status check_called_name(std::string_view name, const std::string& path);

}  // namespace plinth::protocol::openai
