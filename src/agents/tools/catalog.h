// SPDX-License-Identifier: Apache-2.0
// The one table of tools: what each is called, takes, does to the world, and where it runs.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "agents/tools/tool.h"
#include "base/json.h"
#include "protocol/chat.h"

namespace plinth::agents {

std::span<const ToolRow> tool_table();
const ToolRow* find_tool(std::string_view name);  // null when there is none
std::string tool_names();                         // "read_file, write_file, …"
protocol::ToolSpec tool_spec(const ToolRow& row);
Json tool_facts_of(const ToolRow& row);  // {name, effect, is_idempotent, output_trust}

}  // namespace plinth::agents
