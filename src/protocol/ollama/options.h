// SPDX-License-Identifier: Apache-2.0
// What Ollama's chat and generate have in common beside the prompt.
#pragma once

#include "protocol/chat.h"

namespace plinth::protocol::ollama {

Result<std::string> decode_model(const Json& body);
// "options": the samplers, stop and the length.
Status decode_options(const Json& body, ChatRequest& request);
// "format": "json" or a JSON Schema.
Result<std::optional<ReplyFormat>> decode_format(const Json& body);
// Thinking is refused; so is `images` of the object at `path`.
Status refuse_thinking(const Json& body);
Status refuse_images(const Json& object, const std::string& path);

}  // namespace plinth::protocol::ollama
