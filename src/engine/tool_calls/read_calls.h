// SPDX-License-Identifier: Apache-2.0
// Blocks of calls, as the families write them; see ReadCalls for what is taken and given. A call
// counts only when it has a name and its arguments are an object.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/tool_calls/reply_part.h"

namespace plinth::engine {

using ReadBlock = std::optional<std::vector<ReplyPart>>;

// {"name": …, "arguments": {…}}, or a list of such. The arguments may also be named parameters, be
// absent, or be a string that holds JSON.
ReadBlock read_json_calls(std::string_view block, const std::vector<ToolFunction>& functions);
// The same where it stands alone: only with arguments, and only of a function that is offered.
ReadBlock read_offered_json_calls(std::string_view block,
                                  const std::vector<ToolFunction>& functions);
// NAME[ARGS]{…}, with [CALL_ID]… before the arguments or not; or as read_json_calls.
ReadBlock read_named_json_calls(std::string_view block, const std::vector<ToolFunction>& functions);
// <function=NAME><parameter=P>VALUE</parameter>…</function>. A value is text where the function's
// schema says so, else JSON where it is JSON.
ReadBlock read_parameter_calls(std::string_view block, const std::vector<ToolFunction>& functions);
// <｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME, a fenced block of JSON, <｜tool▁call▁end｜>; or
// <｜tool▁call▁begin｜>NAME<｜tool▁sep｜>{…}<｜tool▁call▁end｜>.
ReadBlock read_deepseek_calls(std::string_view block, const std::vector<ToolFunction>& functions);

// Whether the text is a JSON object.
bool is_json_object(std::string_view text);

}  // namespace plinth::engine
