// SPDX-License-Identifier: Apache-2.0
#include "agents/tools/tool_exec.h"

#include <unistd.h>

#include "agents/agents.h"
#include "agents/tools/arguments.h"
#include "agents/tools/catalog.h"
#include "agents/tools/effect_ledger.h"
#include "agents/tools/expression.h"
#include "agents/tools/workspace.h"
#include "base/text.h"

namespace plinth::agents {
namespace {

struct ConfinedCall {
  const std::string& folder;
  std::string key;
  const Json& arguments;
};

Result<std::string> read_file(const ConfinedCall& call) {
  const Workspace workspace = TRY(Workspace::open(call.folder));
  return workspace.read(call.arguments["path"].as_string());
}

Result<std::string> write_file(const ConfinedCall& call) {
  const Workspace workspace = TRY(Workspace::open(call.folder));
  return write_once(workspace, call.key, call.arguments["path"].as_string(),
                    call.arguments["content"].as_string());
}

Result<std::string> list_files(const ConfinedCall& call) {
  const Workspace workspace = TRY(Workspace::open(call.folder));
  const auto names = TRY(workspace.list(call.arguments["path"].as_string()));
  return names.empty() ? std::string("no files") : join(names, "\n");
}

Result<std::string> calculate_expression(const ConfinedCall& call) {
  return calculate(call.arguments["expression"].as_string());
}

struct ConfinedRow {
  std::string_view tool;
  Result<std::string> (*run)(const ConfinedCall&);
};
constexpr ConfinedRow kConfined[] = {
    {"read_file", read_file},
    {"write_file", write_file},
    {"list_files", list_files},
    {"calculate", calculate_expression},
};

Result<std::string> run_row(const std::string& tool, const std::string& folder,
                            std::string_view input) {
  const ToolRow* row = find_tool(tool);
  for (const auto& confined : kConfined) {
    if (confined.tool != tool || !row) continue;
    const Json json = TRY(Json::parse(input));
    TRY(check_arguments(*row, json["arguments"]));
    return confined.run(ConfinedCall{folder, json["key"].as_string(), json["arguments"]});
  }
  return make_error(ErrorCode::not_found, "no confined tool is called '" + shorten(tool, 64) + "'");
}

}  // namespace

std::string run_confined_tool(const std::string& tool, const std::string& folder,
                              std::string_view input) {
  const auto text = run_row(tool, folder, input);
  if (text.is_ok()) return Json::object({{"ok", true}, {"text", *text}}).dump();
  return Json::object({{"ok", false}, {"error", text.error().message}}).dump();
}

int tool_exec_main(const std::string& tool) {
  auto input = read_all(Descriptor(::dup(STDIN_FILENO)), kToolInputBytesMax);
  const std::string answer =
      input.is_ok() ? run_confined_tool(tool, ".", *input)
                    : Json::object({{"ok", false}, {"error", input.error().message}}).dump();
  return write_all(Descriptor(::dup(STDOUT_FILENO)), answer).is_ok() ? 0 : 1;
}

}  // namespace plinth::agents
