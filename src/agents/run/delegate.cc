// SPDX-License-Identifier: Apache-2.0
#include "agents/run/delegate.h"

#include <algorithm>

#include "agents/run/events.h"
#include "agents/run/next.h"
#include "agents/tools/facts.h"
#include "base/hash.h"

namespace plinth::agents {
namespace {

guard::Scope scope_of(const AgentSpec& agent, const std::string& model) {
  std::set<std::string> actions;
  for (const auto kind : {guard::ActionKind::model_call, guard::ActionKind::tool_call,
                          guard::ActionKind::memory_read, guard::ActionKind::memory_write}) {
    actions.emplace(guard::action_name(kind));
  }
  std::set<std::string> resources = {"model:" + model, "space:" + agent.space};
  for (const auto& tool : agent.tools) resources.insert("tool:" + tool);
  return guard::Scope{std::move(actions), std::move(resources)};
}

// Every act of a run carries the same trace, known from the run's id alone.
telemetry::TraceId trace_of(const std::string& run) {
  const Digest digest = sha256(run);
  telemetry::TraceId trace;
  std::copy_n(digest.begin(), trace.bytes.size(), trace.bytes.begin());
  return trace;
}

}  // namespace

Duration time_left(const State& state, WallTime now) {
  const auto left = state.agent.budget.time_max - std::chrono::milliseconds(active_ms(state, now));
  return std::max<Duration>(left, std::chrono::milliseconds(1));
}

const std::string& first_principal(const State& state) {
  return state.delegation.empty() ? state.owner.id : state.delegation.front();
}

guard::Request request_of(const State& state, const std::string& model, const Clock& clock,
                          const Cancellation& cancellation) {
  guard::Request starter;
  starter.principal = state.owner;
  starter.delegation = state.delegation;
  starter.scope = state.scope;
  starter.label = state.label;
  starter.deadline = Deadline::after(clock, time_left(state, clock.wall()));
  starter.cancellation = cancellation;
  starter.trace = trace_of(state.run);
  starter.request_id =
      events::effect_key(state.run, state.in_hand ? state.in_hand->step : state.steps + 1);
  guard::Principal agent;
  agent.id = "agent:" + state.agent.name;
  agent.tenant = state.owner.tenant;
  agent.kind = guard::PrincipalKind::agent;
  agent.roles = {"agent"};
  return starter.delegate(agent, scope_of(state.agent, model));
}

guard::Action tool_action(const State& state, int64_t step, const std::string& tool,
                          const Json& arguments) {
  ToolFacts facts;
  facts.arguments = &arguments;
  facts.label = &state.label;
  // Only words that a trusted source chose can name a place on the person's behalf.
  facts.goal = state.goal_label.integrity.is_trusted() ? state.goal : std::string();
  facts.agent = state.agent.name;
  facts.run = state.run;
  facts.step = step;
  return action_of(tool, facts);
}

}  // namespace plinth::agents
