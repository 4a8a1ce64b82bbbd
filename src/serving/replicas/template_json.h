// SPDX-License-Identifier: Apache-2.0
// Protocol messages and tools in the shape chat templates are written for (Hugging Face's
// convention).
#pragma once

#include <vector>

#include "base/json.h"
#include "protocol/chat.h"

namespace plinth::serving {

// [{"role","content","tool_calls":[{"id","type":"function","function":{"name","arguments":{…}}}],
// "reasoning_content","tool_call_id","name"}].
// Arguments are objects, as templates print them; text that is no JSON object stays text.
Json template_messages(const std::vector<protocol::Message>& messages);
// [{"type":"function","function":{"name","description","parameters"}}]; null when there are none.
Json template_tools(const std::vector<protocol::ToolSpec>& tools);

}  // namespace plinth::serving
