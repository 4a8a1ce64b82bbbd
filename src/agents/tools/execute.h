// SPDX-License-Identifier: Apache-2.0
// The functions behind the rows of the catalog.
#pragma once

#include "agents/tools/tool.h"

namespace plinth::agents {

// read_file, list_files, write_file, calculate: a confined child process (sandboxed.cc).
Result<ToolOutput> execute_sandboxed(const ToolRow& row, const ToolCallContext& context,
                                     const Json& arguments);
// http_get: through the node's own client, the egress broker of tools (http_get.cc).
Result<ToolOutput> execute_http_get(const ToolRow& row, const ToolCallContext& context,
                                    const Json& arguments);
// The node's memory, which authorizes again for itself (memory_tools.cc).
Result<ToolOutput> execute_remember(const ToolRow& row, const ToolCallContext& context,
                                    const Json& arguments);
Result<ToolOutput> execute_recall(const ToolRow& row, const ToolCallContext& context,
                                  const Json& arguments);

}  // namespace plinth::agents
