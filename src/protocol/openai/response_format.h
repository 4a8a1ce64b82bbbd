// SPDX-License-Identifier: Apache-2.0
// "response_format": free text, any JSON object, or JSON that is valid for a schema.
#pragma once

#include <optional>

#include "protocol/chat.h"

namespace plinth::protocol::openai {

// nullopt: free text. Whether the schema can be kept is for whoever makes the reply to say.
Result<std::optional<ReplyFormat>> decode_response_format(const Json& body);
Json encode_response_format(const ReplyFormat& format);

}  // namespace plinth::protocol::openai
