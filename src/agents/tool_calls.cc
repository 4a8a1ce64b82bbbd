// SPDX-License-Identifier: Apache-2.0
// One guarded call of a tool outside any run, for MCP clients. Intent and outcome stand in the
// tenant's "call" stream of the day; there is no repeat, so a call cut off by a crash stays visible
// as an intent without outcome.
#include "agents/agents_node.h"
#include "agents/tools/arguments.h"
#include "agents/tools/catalog.h"
#include "agents/tools/facts.h"
#include "base/text.h"

namespace plinth::agents {
namespace {

constexpr std::string_view kCallStream = "call";
constexpr std::string_view kCallFolder = "mcp";  // workspace and memory space of such calls

store::StreamName stream_of(const std::string& tenant, WallTime now) {
  return {tenant, std::string(kCallStream), now.iso8601().substr(0, 10)};
}

Json call_entry(std::string_view kind, WallTime now, const std::string& call,
                const std::string& tool) {
  return Json::object(
      {{"v", 1}, {"kind", kind}, {"at", now.unix_ms}, {"call", call}, {"tool", tool}});
}

}  // namespace

std::vector<protocol::ToolSpec> NodeAgents::tool_specs() const {
  std::vector<protocol::ToolSpec> specs;
  for (const auto& row : tool_table()) specs.push_back(tool_spec(row));
  return specs;
}

Json NodeAgents::tool_facts(const std::string& tool) const {
  const ToolRow* row = find_tool(tool);
  return row ? tool_facts_of(*row) : Json();
}

Result<std::string> NodeAgents::call_tool(const guard::Request& request, const std::string& tool,
                                          const Json& arguments) {
  const ToolRow* row = find_tool(tool);
  const Json given = arguments.is_null() ? Json::object() : arguments;
  ToolFacts facts;
  facts.arguments = &given;
  facts.label = &request.label;
  const auto decision = options_.guard.authorizer().authorize(
      request, action_of(row ? tool : shorten(tool, 64), facts));
  TRY(guard::require_allowed(decision));
  if (!row) {
    return make_error(ErrorCode::not_found,
                      "there is no tool '" + shorten(tool, 64) + "'; this node has " + tool_names(),
                      "name");
  }
  TRY(check_arguments(*row, given));

  const std::string call = options_.ids.make("call");
  const store::StreamName stream = stream_of(request.principal.tenant, options_.clock.wall());
  Json intent = call_entry("call.intended", options_.clock.wall(), call, tool);
  intent.set("principal", request.principal.id);
  intent.set("arguments", given);
  intent.set("label", request.label.to_json());
  intent.set("decision", decision.id);
  TRY(options_.store.journal().append(stream, store::kAnySequence,
                                      {{request.principal.id, intent.dump()}}, call + ":intended"));

  AgentSpec folder;
  folder.name = kCallFolder;
  const std::string workspace = Runner::workspace_of(options_, request.principal.tenant, folder);
  const ToolCallContext context{.node = options_,
                                .request = request,
                                .owner = request.principal.id,
                                .workspace = workspace,
                                .space = std::string(kCallFolder),
                                .http_hosts = {},
                                .key = call};
  auto output = row->execute(*row, context, given);

  Json outcome = call_entry("call.returned", options_.clock.wall(), call, tool);
  outcome.set("is_error", output.is_error() || output->is_error);
  if (output.is_ok()) outcome.set("label", output->label.to_json());
  TRY(options_.store.journal().append(
      stream, store::kAnySequence, {{request.principal.id, outcome.dump()}}, call + ":returned"));
  if (output.is_error()) {
    // not_found is kept for a tool that does not exist.
    Error error = output.error();
    if (error.code == ErrorCode::not_found) error.code = ErrorCode::invalid_argument;
    return error;
  }
  if (output->is_error) return make_error(ErrorCode::invalid_argument, output->text);
  return std::move(output->text);
}

}  // namespace plinth::agents
