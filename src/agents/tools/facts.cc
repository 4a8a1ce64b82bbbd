// SPDX-License-Identifier: Apache-2.0
#include "agents/tools/facts.h"

#include "agents/tools/catalog.h"
#include "agents/tools/sink.h"

namespace plinth::agents {

guard::Action action_of(const std::string& tool, const ToolFacts& facts) {
  guard::Action action{guard::ActionKind::tool_call, "tool", tool, Json::object()};
  const ToolRow* row = find_tool(tool);
  if (row) action.facts.set("tool", tool_facts_of(*row));
  action.facts.set("arguments", *facts.arguments);
  const auto sink = row ? sink_of(*row, *facts.arguments) : std::nullopt;
  if (sink) action.facts.set("sink", Json::object({{"kind", sink->kind}, {"id", sink->id}}));
  action.facts.set("sink_endorsed", sink && is_endorsed(*sink, facts.goal, *facts.label));
  action.facts.set("agent", facts.agent);
  action.facts.set("run", facts.run);
  action.facts.set("step", facts.step);
  Json untrusted = Json::array();
  for (const auto& source : facts.label->integrity.sources()) {
    if (source.trust == guard::Trust::untrusted) untrusted.push(source.kind + ":" + source.id);
  }
  action.facts.set("untrusted_sources", std::move(untrusted));
  return action;
}

}  // namespace plinth::agents
