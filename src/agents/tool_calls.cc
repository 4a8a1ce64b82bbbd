// SPDX-License-Identifier: Apache-2.0
// One guarded call of a tool outside any run, for MCP clients. Intent and outcome stand in the
// tenant's "call" stream of the day; there is no repeat, so a call cut off by a crash stays visible
// as an intent without outcome.
#include <algorithm>

#include "agents/agents_node.h"
#include "agents/tools/arguments.h"
#include "agents/tools/catalog.h"
#include "agents/tools/facts.h"
#include "base/hash.h"
#include "base/text.h"

namespace plinth::agents {
namespace {

constexpr std::string_view kCallStream = "call";
constexpr size_t kConversationBytesMax = 128;

store::StreamName stream_of(const std::string& tenant, WallTime now) {
  return {tenant, std::string(kCallStream), now.iso8601().substr(0, 10)};
}

Json call_entry(std::string_view kind, WallTime now, const std::string& call,
                const std::string& tool) {
  return Json::object(
      {{"v", 1}, {"kind", kind}, {"at", now.unix_ms}, {"call", call}, {"tool", tool}});
}

// The memory space of a principal's calls; with a '+' before it, which no agent's name has, also
// the folder of its files. Ids of principals differ in more than upper and lower case.
std::string space_of(const std::string& principal) {
  const std::string name = "mcp." + lower_ascii(principal);
  return is_name(name) ? name : "mcp." + hex(sha256(principal)).substr(0, 32);
}

Status check_conversation(const std::string& conversation) {
  const bool is_visible =
      std::ranges::all_of(conversation, [](char c) { return c > 0x20 && c < 0x7f; });
  if (is_visible && conversation.size() <= kConversationBytesMax) return ok();
  return make_error(ErrorCode::invalid_argument,
                    "conversation '" + shorten(conversation, 64) +
                        "': expected at most 128 visible ASCII characters",
                    "conversation");
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

Result<std::string> NodeAgents::call_tool(const guard::Request& caller, const std::string& tool,
                                          const Json& arguments, const std::string& conversation) {
  TRY(check_conversation(conversation));
  guard::Request request = caller;
  const guard::Label earlier = TRY(call_labels_.open(request.principal, conversation));
  request.label = request.label.join(earlier);
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
  auto output = TRY(execute_recorded(request, *row, given, decision.id));
  // Before the client sees a word of it.
  call_labels_.join(request.principal, conversation, output.label);
  if (output.is_error) return make_error(ErrorCode::invalid_argument, output.text);
  return std::move(output.text);
}

Result<ToolOutput> NodeAgents::execute_recorded(const guard::Request& request, const ToolRow& row,
                                                const Json& arguments,
                                                const std::string& decision) {
  const std::string call = options_.ids.make("call");
  const std::string tool(row.name);
  const store::StreamName stream = stream_of(request.principal.tenant, options_.clock.wall());
  Json intent = call_entry("call.intended", options_.clock.wall(), call, tool);
  intent.set("principal", request.principal.id);
  intent.set("arguments", arguments);
  intent.set("label", request.label.to_json());
  intent.set("decision", decision);
  TRY(options_.store.journal().append(stream, store::kAnySequence,
                                      {{request.principal.id, intent.dump()}}, call + ":intended"));

  const std::string space = space_of(request.principal.id);
  AgentSpec folder;
  folder.name = "+" + space;
  const std::string workspace = Runner::workspace_of(options_, request.principal.tenant, folder);
  const ToolCallContext context{.node = options_,
                                .request = request,
                                .owner = request.principal.id,
                                .workspace = workspace,
                                .space = space,
                                .http_hosts = {},
                                .key = call};
  auto output = row.execute(row, context, arguments);

  Json outcome = call_entry("call.returned", options_.clock.wall(), call, tool);
  outcome.set("is_error", output.is_error() || output->is_error);
  if (output.is_ok()) outcome.set("label", output->label.to_json());
  TRY(options_.store.journal().append(
      stream, store::kAnySequence, {{request.principal.id, outcome.dump()}}, call + ":returned"));
  if (output.is_error() && output.error().code == ErrorCode::not_found) {
    // not_found is kept for a tool that does not exist.
    Error error = output.error();
    error.code = ErrorCode::invalid_argument;
    return error;
  }
  return output;
}

}  // namespace plinth::agents
