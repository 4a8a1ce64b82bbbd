// SPDX-License-Identifier: Apache-2.0
// The named reader of tool arguments: JSON text as a model wrote it -> an object that fits the
// tool's schema.
#pragma once

#include <string_view>

#include "agents/tools/tool.h"
#include "base/json.h"

namespace plinth::agents {

// Errors are written for the model: they say what to send instead.
Result<Json> parse_arguments(const ToolRow& row, std::string_view text);
Status check_arguments(const ToolRow& row, const Json& arguments);

}  // namespace plinth::agents
