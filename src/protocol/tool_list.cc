// SPDX-License-Identifier: Apache-2.0
#include "protocol/tool_list.h"

#include <set>

#include "base/limits.h"
#include "base/text.h"
#include "protocol/fields.h"

namespace plinth::protocol {

Result<std::vector<ToolSpec>> decode_tool_list(const Json& list, std::string_view name_path,
                                               const DecodeTool& decode_tool) {
  std::vector<ToolSpec> tools;
  if (list.is_null()) return tools;
  if (!list.is_array()) return expected("tools", "a list of tools", list);
  if (list.size() > limits::kToolsMax) {
    return field_error("tools", std::to_string(list.size()) + " tools; at most " +
                                    std::to_string(limits::kToolsMax) + " are read");
  }
  std::set<std::string> names;
  for (size_t i = 0; i < list.size(); ++i) {
    ToolSpec tool = TRY(decode_tool(list.items()[i], at_index("tools", i)));
    if (!names.insert(tool.name).second) {
      return field_error(at_index("tools", i) + std::string(name_path),
                         "'" + shorten(tool.name, 64) + "' is the name of two tools");
    }
    tools.push_back(std::move(tool));
  }
  return tools;
}

}  // namespace plinth::protocol
