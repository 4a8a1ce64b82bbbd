// SPDX-License-Identifier: Apache-2.0
// remember and recall. The memory asks the authorizer again for the space; a record is named by the
// effect key, so that a repeat finds the first record.
#include "agents/tools/execute.h"
#include "base/hash.h"
#include "base/limits.h"

namespace plinth::agents {
namespace {

constexpr size_t kRecallDefault = 3;

}  // namespace

Result<ToolOutput> execute_remember(const ToolRow&, const ToolCallContext& context,
                                    const Json& arguments) {
  const std::string id = "mem_" + hex(sha256(context.key)).substr(0, 26);
  TRY(context.node.memory.remember(context.request, context.space, arguments["text"].as_string(),
                                   Json::object(), id));
  ToolOutput output;
  output.text = "remembered";
  output.label = context.request.label;
  return output;
}

Result<ToolOutput> execute_recall(const ToolRow&, const ToolCallContext& context,
                                  const Json& arguments) {
  const auto limit =
      static_cast<size_t>(arguments["limit"].as_int(static_cast<int64_t>(kRecallDefault)));
  const auto found = TRY(context.node.memory.recall(context.request, context.space,
                                                    arguments["query"].as_string(), limit));
  ToolOutput output;
  output.label = context.request.label;
  for (const auto& recalled : found) {
    const std::string line = recalled.record.text + "\n";
    if (output.text.size() + line.size() > limits::kToolOutputBytesMax) break;
    output.text += line;
    output.label = output.label.join(recalled.record.label);
  }
  if (output.text.empty()) {
    output.text = "no records";
  } else {
    output.text.pop_back();
  }
  return output;
}

}  // namespace plinth::agents
