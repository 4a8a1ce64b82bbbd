// SPDX-License-Identifier: Apache-2.0
// How a run is shown to people and clients.
#include "agents/run/run.h"

namespace plinth::agents {

std::string_view run_state_name(RunState state) {
  switch (state) {
    case RunState::running:
      return "running";
    case RunState::waiting_approval:
      return "waiting_approval";
    case RunState::waiting_timer:
      return "waiting_timer";
    case RunState::completed:
      return "completed";
    case RunState::failed:
      return "failed";
    case RunState::cancelled:
      return "cancelled";
  }
  return "running";
}

Json RunSummary::to_json() const {
  Json json = Json::object({{"id", id},
                            {"agent", agent},
                            {"goal", goal},
                            {"state", run_state_name(state)},
                            {"steps", steps},
                            {"tokens", tokens},
                            {"started", started.iso8601()},
                            {"updated", updated.iso8601()}});
  if (state == RunState::completed) json.set("answer", answer);
  if (!failure.empty()) json.set("failure", failure);
  if (!pending_approval.is_null()) json.set("pending_approval", pending_approval);
  return json;
}

RunSummary summary_of(const State& state) {
  RunSummary summary;
  summary.id = state.run;
  summary.agent = state.agent.name;
  summary.goal = state.goal;
  summary.state = state.run_state;
  summary.answer = state.answer;
  summary.failure = state.failure;
  summary.steps = state.steps;
  summary.tokens = state.tokens;
  summary.started = state.started;
  summary.updated = state.updated;
  if (state.run_state == RunState::waiting_approval && state.approval) {
    const Approval& approval = *state.approval;
    summary.pending_approval = Json::object({{"step", approval.step},
                                             {"tool", approval.tool},
                                             {"arguments", approval.arguments},
                                             {"question", approval.question},
                                             {"digest", approval.digest},
                                             {"decision", approval.decision}});
  }
  return summary;
}

RunSummary summary_of(const Run& run) {
  RunSummary summary = summary_of(run.state);
  if (!run.lost.empty()) summary.failure = "this node no longer drives the run: " + run.lost;
  return summary;
}

}  // namespace plinth::agents
