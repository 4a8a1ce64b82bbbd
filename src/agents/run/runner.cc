// SPDX-License-Identifier: Apache-2.0
// Deciding and dispatching; runner_execute.cc does the effects.
#include "agents/run/runner.h"

#include "agents/run/delegate.h"
#include "agents/run/events.h"
#include "agents/run/model_call.h"
#include "agents/tools/arguments.h"
#include "agents/tools/catalog.h"
#include "base/log.h"
#include "base/text.h"

namespace plinth::agents {
namespace {

constexpr size_t kQueueSlack = 64;

}  // namespace

Runner::Runner(const AgentsOptions& options, RunJournal& journal)
    : options_(options),
      journal_(journal),
      workers_(std::max<size_t>(options.runs_at_once_max, 1), options.runs_open_max + kQueueSlack),
      alarms_(options.clock, [this](const std::shared_ptr<Run>& run) { wake(run); }) {}

Runner::~Runner() { stop(); }

void Runner::stop() {
  begin_stop();
  alarms_.stop();
  workers_.stop();
}

void Runner::wake(const std::shared_ptr<Run>& run) {
  {
    MutexLock lock(run->mutex);
    if (run->is_active || run->state.is_ended() || is_stopping_.load()) return;
    run->is_active = true;
  }
  const auto status = workers_.submit([this, run] { drive(run); });
  if (status.is_ok()) return;
  // Each run is queued at most once and the queue holds every open run: only a stop gets here.
  log_event(LogLevel::warning, "run.not_queued",
            {{"run", run->stream.id}, {"error", status.error().message}});
  MutexLock lock(run->mutex);
  run->is_active = false;
}

void Runner::drive(const std::shared_ptr<Run>& run) {
  options_.metrics.add(telemetry::Metric::runs_active, 1);
  bool goes_on = true;
  while (goes_on) {
    const auto dispatch = prepare(run);
    if (!dispatch) break;
    goes_on = dispatch->kind == StepKind::model ? execute_model(run, *dispatch)
                                                : execute_tool(run, *dispatch);
  }
  options_.metrics.add(telemetry::Metric::runs_active, -1);
}

std::optional<Runner::Dispatch> Runner::prepare(const std::shared_ptr<Run>& run) {
  while (true) {
    Plan plan;
    {
      MutexLock lock(run->mutex);
      plan = decide(run);
    }
    if (plan.dispatch) return std::move(plan.dispatch);
    if (!plan.candidate) return std::nullopt;
    const Candidate& candidate = *plan.candidate;
    std::optional<guard::Decision> decision;
    if (candidate.refusal.empty()) {
      decision = options_.guard.authorizer().authorize(candidate.request, candidate.action);
    }
    MutexLock lock(run->mutex);
    if (auto dispatch = settle(*run, candidate, decision)) return dispatch;
  }
}

Runner::Plan Runner::decide(const std::shared_ptr<Run>& run) {
  while (!is_stopping_.load() && run->lost.empty()) {
    const WallTime now = options_.clock.wall();
    const Effect effect = next(run->state, now);
    switch (effect.kind) {
      case Effect::Kind::wait:
        release(run);
        return {};
      case Effect::Kind::call_model: {
        Plan plan;
        plan.dispatch = model_dispatch(*run, effect);
        if (plan.dispatch) return plan;
        break;
      }
      case Effect::Kind::call_tool: {
        Plan plan;
        plan.candidate = candidate_of(*run, effect);
        return plan;
      }
      default:
        note_plain(*run, effect, now);
    }
  }
  release(run);
  return {};
}

void Runner::release(const std::shared_ptr<Run>& run) {
  // What is not written here is done again by the next process.
  const auto status = journal_.write(*run);
  run->is_active = false;
  if (status.is_error()) return;
  if (run->state.timer_due) alarms_.set(run, *run->state.timer_due);
  if (run->state.is_ended()) {
    run->state.turns.clear();
    run->state.pending_calls.clear();
  }
}

void Runner::note_plain(Run& run, const Effect& effect, WallTime now) {
  switch (effect.kind) {
    case Effect::Kind::fire_timer:
      return journal_.note(run, events::timer_fired(now));
    case Effect::Kind::mark_unknown:
      return journal_.note(
          run, events::step_unknown(now, run.state.in_hand->step, run.state.in_hand->tool));
    case Effect::Kind::ask_unknown: {
      const InHand& in_hand = *run.state.in_hand;
      Approval approval;
      approval.kind = ApprovalKind::unknown_outcome;
      approval.step = in_hand.step;
      approval.tool = in_hand.tool;
      approval.arguments = in_hand.arguments;
      approval.digest =
          events::approval_digest(run.state.run, in_hand.step, in_hand.tool, in_hand.arguments);
      approval.question = "The outcome of step " + std::to_string(in_hand.step) + " (" +
                          in_hand.tool + ") is unknown: it may have happened. Repeat it?";
      return journal_.note(run, events::approval_requested(now, approval));
    }
    case Effect::Kind::complete:
      return journal_.note(run, events::run_completed(now, run.state, effect.text));
    case Effect::Kind::fail:
      return journal_.note(
          run, events::run_failed(now, run.state, error_name(effect.code), effect.text));
    case Effect::Kind::cancel:
      return journal_.note(run, events::run_cancelled(now, run.state));
    case Effect::Kind::wait:
    case Effect::Kind::call_model:
    case Effect::Kind::call_tool:
      break;
  }
}

std::string Runner::model_of(const Run& run) {
  return run.state.agent.model.empty() ? options_.serving.default_model() : run.state.agent.model;
}

Runner::Dispatch Runner::dispatch_of(Run& run, StepKind kind, int64_t step) {
  Dispatch dispatch;
  dispatch.kind = kind;
  dispatch.step = step;
  dispatch.key = events::effect_key(run.state.run, step);
  dispatch.request = request_of(run.state, model_of(run), options_.clock, run.cancellation);
  dispatch.agent = run.state.agent;
  dispatch.owner = first_principal(run.state);
  return dispatch;
}

std::optional<Runner::Dispatch> Runner::model_dispatch(Run& run, const Effect& effect) {
  const std::string model = model_of(run);
  protocol::ChatRequest chat = chat_request_of(run.state, model);
  if (!effect.is_repeat) {
    journal_.note(run, events::model_intended(options_.clock.wall(), run.state.run, effect.step,
                                              model, request_digest(chat)));
  }
  if (journal_.write(run).is_error()) return std::nullopt;
  Dispatch dispatch = dispatch_of(run, StepKind::model, effect.step);
  dispatch.chat = std::move(chat);
  return dispatch;
}

Runner::Candidate Runner::candidate_of(Run& run, const Effect& effect) {
  Candidate candidate;
  candidate.effect = effect;
  candidate.call = run.state.pending_calls.front();
  candidate.row = find_tool(candidate.call.name);
  if (!candidate.row) {
    candidate.refusal = "unknown tool '" + shorten(candidate.call.name, 64) + "'; this agent has " +
                        join(run.state.agent.tools, ", ");
    return candidate;
  }
  auto arguments = parse_arguments(*candidate.row, candidate.call.arguments);
  if (arguments.is_error()) {
    candidate.refusal = arguments.error().message;
    return candidate;
  }
  candidate.arguments = *std::move(arguments);
  candidate.request = request_of(run.state, model_of(run), options_.clock, run.cancellation);
  candidate.action = tool_action(run.state, effect.step, candidate.call.name, candidate.arguments);
  candidate.approval_digest =
      events::approval_digest(run.state.run, effect.step, candidate.call.name, candidate.arguments);
  return candidate;
}

std::optional<Runner::Dispatch> Runner::settle(Run& run, const Candidate& candidate,
                                               const std::optional<guard::Decision>& decision) {
  const WallTime now = options_.clock.wall();
  const Effect& effect = candidate.effect;
  // A cancel or a stop came while the authorizer was asked: nothing more is dispatched.
  if (run.state.is_cancel_requested || is_stopping_.load()) return std::nullopt;
  if (!decision) {
    journal_.note(run, events::step_refused(now, effect.step, candidate.call, candidate.refusal));
    return std::nullopt;
  }
  if (decision->effect == guard::Effect::deny) {
    journal_.note(run, events::step_denied(now, effect.step, candidate.call, *decision));
    return std::nullopt;
  }
  const bool is_approved =
      effect.is_approved &&
      (effect.is_repeat || run.state.approval->digest == candidate.approval_digest);
  if (decision->effect == guard::Effect::ask && !is_approved) {
    Approval approval;
    approval.step = effect.step;
    approval.tool = candidate.call.name;
    approval.arguments = candidate.arguments;
    approval.digest = candidate.approval_digest;
    approval.question = decision->approval;
    approval.decision = decision->id;
    journal_.note(run, events::approval_requested(now, approval));
    return std::nullopt;
  }
  if (!effect.is_repeat) {
    journal_.note(run, events::tool_intended(now, run.state.run, effect.step, candidate.call,
                                             candidate.arguments, candidate.row->is_idempotent,
                                             decision->id));
  }
  if (journal_.write(run).is_error()) return std::nullopt;
  Dispatch dispatch = dispatch_of(run, StepKind::tool, effect.step);
  dispatch.row = candidate.row;
  dispatch.arguments = candidate.arguments;
  return dispatch;
}

std::string Runner::workspace_of(const AgentsOptions& options, const std::string& tenant,
                                 const AgentSpec& agent) {
  if (!agent.workspace.empty()) return agent.workspace;
  const std::string root = options.data_folder + "/workspaces/";
  // No agent's name holds an '@': folders of other tenants never meet the default tenant's.
  return tenant == guard::kDefaultTenant ? root + agent.name
                                         : root + "@" + tenant + "/" + agent.name;
}

}  // namespace plinth::agents
