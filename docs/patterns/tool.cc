// SPDX-License-Identifier: Apache-2.0
// What NAME does for an agent.
#include "agents/tools/execute.h"

namespace plinth::agents {

// A repeat with the same context.key must have no second effect where the row says so. An Error is
// told to the model as text and ends nothing.
Result<ToolOutput> execute_NAME(const ToolRow&, const ToolCallContext& context,
                                const Json& arguments) {
  ToolOutput output;
  output.text = arguments["text"].as_string();
  // The result is as trusted and as secret as what it came from; join what is read from elsewhere.
  output.label = context.request.label;
  return output;
}

}  // namespace plinth::agents
