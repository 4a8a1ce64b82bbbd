// SPDX-License-Identifier: Apache-2.0
// The one question every action asks: may this principal do this to that, given what influenced it?
// The answer, its reasons and policies become a leaf of the audit log before it is returned.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "guard/request.h"

namespace plinth::guard {

// The closed set of actions; the table in authorizer.cc says which are consequential (audited
// durably first).
enum class ActionKind : uint8_t {
  model_call,
  model_list,
  model_load,
  tool_call,
  memory_read,
  memory_write,
  memory_forget,
  run_start,
  run_read,
  run_cancel,
  run_approve,
  policy_read,
  policy_write,
  audit_read,
  key_read,
  key_write,
  agent_read,
  agent_write,
  node_read,
  metrics_read,
};

struct ActionRow {
  ActionKind kind;
  std::string_view name;  // "tool.call": the action's name in policies
  bool is_consequential;
  std::string_view meaning;
};
std::span<const ActionRow> action_table();
std::string_view action_name(ActionKind kind);

struct Action {
  ActionKind kind;
  std::string
      resource_type;  // "tool", "model", "space", "run", "policy", "audit", "key", "agent", "node"
  std::string resource_id;  // "write_file"
  Json facts =
      Json::object();  // context for policies: arguments, tool facts (effect, sinks), scores
};

enum class Effect : uint8_t { allow, deny, ask };
std::string_view effect_name(Effect effect);

struct Decision {
  std::string id;  // "dec_…": the audit leaf it stands in
  Effect effect = Effect::deny;
  std::string reason;                 // one sentence for the caller; never the policy's text
  std::vector<std::string> policies;  // ids of the policies that decided
  std::vector<std::string> errors;    // policies that failed to evaluate
  std::vector<std::string> obligations;
  std::string approval;  // for ask: what a person is asked

  bool is_allowed() const { return effect == Effect::allow; }
};

// Turns deny and ask into Errors (denied, approval_required) with the reason and the decision's id.
Status require_allowed(const Decision& decision);

class Authorizer {
 public:
  virtual ~Authorizer() = default;
  // Consequential actions: blocks until the audit leaf is durable. Others: recorded in the next
  // group.
  virtual Decision authorize(const Request& request, const Action& action) = 0;
  // What authorize would say, with no audit leaf: for `policy explain` and the console.
  virtual Decision preview(const Request& request, const Action& action) const = 0;
};

}  // namespace plinth::guard
