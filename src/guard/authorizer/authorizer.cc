// SPDX-License-Identifier: Apache-2.0
// The table of actions and what a decision means to its caller.
#include "guard/authorizer.h"

#include <algorithm>
#include <array>

namespace plinth::guard {
namespace {

using enum ActionKind;

constexpr std::array<ActionRow, 20> kActions = {{
    {model_call, "model.call", false, "Ask a model for a reply or an embedding."},
    {model_list, "model.list", false, "See which models there are."},
    {model_load, "model.load", true, "Load, unload or configure a model."},
    // Tools that only read or compute are recorded in groups: see is_consequential.
    {tool_call, "tool.call", true, "Run a tool with given arguments."},
    {memory_read, "memory.read", false, "Recall or read records of a space."},
    {memory_write, "memory.write", true, "Add or change records of a space."},
    {memory_forget, "memory.forget", true, "Erase records or a space."},
    {run_start, "run.start", true, "Start an agent run."},
    {run_read, "run.read", false, "Read a run and its steps."},
    {run_cancel, "run.cancel", true, "Stop a run or send it a signal."},
    {run_approve, "run.approve", true, "Answer an approval that a run waits for."},
    {policy_read, "policy.read", false, "Read the policies of a tenant."},
    {policy_write, "policy.write", true, "Store or remove policies of a tenant."},
    {audit_read, "audit.read", false, "Read and verify the audit log of a tenant."},
    {key_read, "key.read", false, "List the API keys of a tenant."},
    {key_write, "key.write", true, "Create or revoke API keys of a tenant."},
    {agent_read, "agent.read", false, "Read the declarations of agents."},
    {agent_write, "agent.write", true, "Declare, change or remove an agent."},
    {node_read, "node.read", false, "See nodes, devices and replicas."},
    {metrics_read, "metrics.read", false, "Read the metrics of a node."},
}};

}  // namespace

std::span<const ActionRow> action_table() { return kActions; }

std::string_view action_name(ActionKind kind) {
  const auto row = std::ranges::find(kActions, kind, &ActionRow::kind);
  CHECK(row != kActions.end());
  return row->name;
}

std::string_view effect_name(Effect effect) {
  switch (effect) {
    case Effect::allow:
      return "allow";
    case Effect::deny:
      return "deny";
    case Effect::ask:
      return "ask";
  }
  return "deny";
}

Status require_allowed(const Decision& decision) {
  if (decision.is_allowed()) return ok();
  const std::string where = decision.id.empty() ? "" : " (decision " + decision.id + ")";
  if (decision.effect == Effect::ask) {
    return make_error(ErrorCode::approval_required, decision.approval + where);
  }
  return make_error(ErrorCode::denied, decision.reason + where);
}

}  // namespace plinth::guard
