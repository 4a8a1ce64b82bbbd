// SPDX-License-Identifier: Apache-2.0
// A request's tools, however a wire format writes one.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/chat.h"

namespace plinth::protocol {

using DecodeTool = std::function<Result<ToolSpec>(const Json& tool, const std::string& path)>;

// Of `tools`: null or a list. name_path: where a tool's name stands within it (".name"). Errors:
// invalid_argument for more than limits::kToolsMax or two of one name, and those of decode_tool.
Result<std::vector<ToolSpec>> decode_tool_list(const Json& list, std::string_view name_path,
                                               const DecodeTool& decode_tool);

}  // namespace plinth::protocol
