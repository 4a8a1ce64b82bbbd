// SPDX-License-Identifier: Apache-2.0
// One function per entry kind, and the table that names them.
#include "agents/run/fold.h"

#include <algorithm>

#include "agents/run/events.h"

namespace plinth::agents {
namespace {

// No reply and no moment is beyond these; sums of what is within them do not overflow.
constexpr int64_t kTokensMax = 1'000'000'000'000;
constexpr int64_t kUnixMsMax = 1'000'000'000'000'000;

using Apply = Status (*)(State&, const Json&);

struct KindRow {
  std::string_view kind;
  Apply apply;
};

Error corrupt(const Json& entry, std::string_view why) {
  return make_error(ErrorCode::corrupt, "run journal: entry '" + entry["kind"].as_string() +
                                            "' is out of place: " + std::string(why));
}

Status check_step(const State& state, const Json& entry) {
  if (!state.in_hand) return corrupt(entry, "no step is in hand");
  if (state.in_hand->step != entry["step"].as_int(-1)) return corrupt(entry, "other step");
  return ok();
}

// The answer of a tool call, in the model's context; the call is no longer pending.
void answer_call(State& state, std::string text) {
  if (state.pending_calls.empty()) return;
  protocol::Message message;
  message.role = protocol::Role::tool;
  message.content = std::move(text);
  message.tool_call_id = state.pending_calls.front().id;
  message.name = state.pending_calls.front().name;
  state.turns.push_back(std::move(message));
  state.pending_calls.pop_front();
}

Status apply_started(State& state, const Json& entry) {
  if (state.is_started()) return corrupt(entry, "the run has already started");
  const std::string& run = entry["run"].as_string();
  if (run.empty()) return corrupt(entry, "no run id");
  state.agent = TRY(agent_from_json(entry["agent"]));
  state.goal = entry["goal"].as_string();
  state.idempotency_key = entry["idempotency_key"].as_string();
  state.owner = TRY(principal_from_json(entry["principal"]));
  for (const auto& id : entry["delegation"].items()) state.delegation.push_back(id.as_string());
  state.scope = TRY(guard::Scope::from_json(entry["scope"]));
  state.goal_label = TRY(guard::Label::from_json(entry["label"]));
  state.label = state.goal_label;
  state.started = WallTime{entry["at"].as_int()};
  state.run = run;
  return ok();
}

Status apply_resumed(State& state, const Json& entry) {
  state.resumes += 1;
  const int64_t stopped = entry["at"].as_int() - state.updated.unix_ms;
  if (stopped > 0) state.idle_ms += stopped;
  return ok();
}

Status apply_timer_set(State& state, const Json& entry) {
  if (state.timer_due) return corrupt(entry, "a timer is already set");
  state.timer_due = WallTime{std::clamp<int64_t>(entry["due"].as_int(), 0, kUnixMsMax)};
  state.run_state = RunState::waiting_timer;
  return ok();
}

Status apply_timer_fired(State& state, const Json& entry) {
  if (!state.timer_due) return corrupt(entry, "no timer is set");
  const int64_t waited = entry["at"].as_int() - state.updated.unix_ms;
  if (waited > 0) state.idle_ms += waited;
  state.timer_due.reset();
  state.run_state = RunState::running;
  return ok();
}

Status apply_intended(State& state, const Json& entry) {
  if (state.in_hand) return corrupt(entry, "another step is in hand");
  const int64_t step = entry["step"].as_int(-1);
  if (step != state.steps + 1) return corrupt(entry, "steps must count up by one");
  const Json& effect = entry["effect"];
  InHand in_hand;
  in_hand.step = step;
  in_hand.key = effect["key"].as_string();
  in_hand.is_idempotent = effect["is_idempotent"].as_bool(false);
  if (effect["kind"].as_string() == "model") {
    if (!state.pending_calls.empty()) return corrupt(entry, "calls are still pending");
    in_hand.kind = StepKind::model;
    in_hand.digest = effect["request_digest"].as_string();
  } else if (effect["kind"].as_string() == "tool") {
    if (state.pending_calls.empty()) return corrupt(entry, "no call is pending");
    in_hand.kind = StepKind::tool;
    in_hand.tool = effect["tool"].as_string();
    in_hand.call = state.pending_calls.front();
    if (in_hand.call.name != in_hand.tool) return corrupt(entry, "other tool than called");
    in_hand.arguments = effect["arguments"];
    in_hand.digest = effect["arguments_digest"].as_string();
    state.approval.reset();
  } else {
    return make_error(ErrorCode::unsupported,
                      "run journal: step.intended has the unknown effect '" +
                          effect["kind"].as_string() + "'; start a newer program");
  }
  state.steps = step;
  state.in_hand = std::move(in_hand);
  return ok();
}

Status apply_model_returned(State& state, const Json& entry) {
  state.in_hand.reset();
  if (const Json* error = entry.find("error")) {
    state.model_error = (*error)["code"].as_string() + ": " + (*error)["message"].as_string();
    return ok();
  }
  protocol::Message message;
  message.role = protocol::Role::assistant;
  message.content = entry["text"].as_string();
  for (const auto& item : entry["tool_calls"].items()) {
    protocol::ToolCall call{item["id"].as_string(), item["name"].as_string(),
                            item["arguments"].as_string()};
    message.tool_calls.push_back(call);
    state.pending_calls.push_back(std::move(call));
  }
  if (message.tool_calls.empty()) state.final_text = message.content;
  for (const char* kind : {"prompt", "completion"}) {
    state.tokens += std::clamp<int64_t>(entry["tokens"][kind].as_int(), 0, kTokensMax);
  }
  state.turns.push_back(std::move(message));
  return ok();
}

Status apply_returned(State& state, const Json& entry) {
  TRY(check_step(state, entry));
  if (state.in_hand->kind == StepKind::model) return apply_model_returned(state, entry);
  const guard::Label label = TRY(guard::Label::from_json(entry["label"]));
  state.label = state.label.join(label);
  state.in_hand.reset();
  answer_call(state, entry["text"].as_string());
  return ok();
}

// A repeat of a step can be denied too: then the step in hand ends here, under its own number.
Status end_step_without_result(State& state, const Json& entry, std::string text) {
  if (state.pending_calls.empty()) return corrupt(entry, "no call is pending");
  const int64_t step = entry["step"].as_int(-1);
  const int64_t expected = state.in_hand ? state.in_hand->step : state.steps + 1;
  if (step != expected) return corrupt(entry, "other step");
  state.steps = step;
  state.in_hand.reset();
  state.approval.reset();
  answer_call(state, std::move(text));
  return ok();
}

// People get the reason from the journal and the audit log. The model may be acting for whoever
// wrote what it read, so it learns that it may not, never which rule or label decided.
Status apply_denied(State& state, const Json& entry) {
  return end_step_without_result(state, entry, "denied: not allowed by policy");
}

Status apply_refused(State& state, const Json& entry) {
  return end_step_without_result(state, entry, "error: " + entry["reason"].as_string());
}

Status apply_unknown(State& state, const Json& entry) {
  TRY(check_step(state, entry));
  state.in_hand->is_unknown = true;
  return ok();
}

Status apply_approval_requested(State& state, const Json& entry) {
  if (state.approval && !state.approval->is_answered) return corrupt(entry, "one is open already");
  if (state.pending_calls.empty()) return corrupt(entry, "no call is pending");
  Approval approval;
  approval.kind = entry["about"].as_string() == "unknown_outcome" ? ApprovalKind::unknown_outcome
                                                                  : ApprovalKind::policy;
  approval.step = entry["step"].as_int(-1);
  approval.tool = entry["tool"].as_string();
  approval.arguments = entry["arguments"];
  approval.digest = entry["digest"].as_string();
  approval.question = entry["question"].as_string();
  approval.decision = entry["decision"].as_string();
  const int64_t expected = state.in_hand ? state.in_hand->step : state.steps + 1;
  if (approval.step != expected) return corrupt(entry, "other step");
  state.approval = std::move(approval);
  state.run_state = RunState::waiting_approval;
  return ok();
}

Status apply_approval_answered(State& state, const Json& entry) {
  if (!state.approval || state.approval->is_answered) return corrupt(entry, "none is open");
  if (state.approval->digest != entry["digest"].as_string()) return corrupt(entry, "other digest");
  const int64_t waited = entry["at"].as_int() - state.updated.unix_ms;
  if (waited > 0) state.idle_ms += waited;
  state.run_state = RunState::running;
  const bool is_granted = entry["is_granted"].as_bool(false);
  const bool is_about_unknown = state.approval->kind == ApprovalKind::unknown_outcome;
  if (is_granted) {
    state.approval->is_answered = true;
    state.approval->is_granted = true;
    if (is_about_unknown && state.in_hand) state.in_hand->is_repeat_granted = true;
    return ok();
  }
  state.steps = state.approval->step;
  state.approval.reset();
  state.in_hand.reset();
  answer_call(state, is_about_unknown
                         ? "error: the outcome of this call is unknown, and a person decided not "
                           "to repeat it"
                         : "denied: a person refused");
  return ok();
}

Status apply_cancel_requested(State& state, const Json&) {
  state.is_cancel_requested = true;
  return ok();
}

// Totals stand in the final entry, so that it and the first one are enough for a summary.
void take_totals(State& state, const Json& entry) {
  state.steps = std::max(state.steps, entry["steps"].as_int());
  state.tokens = std::max(state.tokens, entry["tokens"].as_int());
  state.approval.reset();
  state.in_hand.reset();
}

Status apply_completed(State& state, const Json& entry) {
  take_totals(state, entry);
  state.run_state = RunState::completed;
  state.answer = entry["answer"].as_string();
  return ok();
}

Status apply_failed(State& state, const Json& entry) {
  take_totals(state, entry);
  state.run_state = RunState::failed;
  state.failure = entry["failure"].as_string();
  return ok();
}

Status apply_cancelled(State& state, const Json& entry) {
  take_totals(state, entry);
  state.run_state = RunState::cancelled;
  return ok();
}

constexpr KindRow kKinds[] = {
    {"run.started", apply_started},
    {"run.resumed", apply_resumed},
    {"timer.set", apply_timer_set},
    {"timer.fired", apply_timer_fired},
    {"step.intended", apply_intended},
    {"step.returned", apply_returned},
    {"step.denied", apply_denied},
    {"step.refused", apply_refused},
    {"step.unknown", apply_unknown},
    {"approval.requested", apply_approval_requested},
    {"approval.answered", apply_approval_answered},
    {"run.cancel_requested", apply_cancel_requested},
    {"run.completed", apply_completed},
    {"run.failed", apply_failed},
    {"run.cancelled", apply_cancelled},
};

}  // namespace

Result<guard::Principal> principal_from_json(const Json& json) {
  guard::Principal principal;
  principal.id = TRY(json_field::required_string(json, "id"));
  principal.tenant = TRY(json_field::required_string(json, "tenant"));
  const std::string kind = TRY(json_field::required_string(json, "kind"));
  if (kind == "operator") {
    principal.kind = guard::PrincipalKind::operator_;
  } else if (kind == "user") {
    principal.kind = guard::PrincipalKind::user;
  } else if (kind == "agent") {
    principal.kind = guard::PrincipalKind::agent;
  } else if (kind == "service") {
    principal.kind = guard::PrincipalKind::service;
  } else {
    return make_error(ErrorCode::unsupported, "unknown kind of principal: '" + kind + "'");
  }
  for (const auto& role : json["roles"].items()) principal.roles.insert(role.as_string());
  return principal;
}

Status apply(State& state, const Json& entry) {
  const int64_t version = entry["v"].as_int(0);
  const std::string& kind = entry["kind"].as_string();
  if (version < 1 || version > events::kVersion) {
    return make_error(ErrorCode::unsupported,
                      "run journal: entry '" + kind + "' has version " + std::to_string(version) +
                          ", this program knows version " + std::to_string(events::kVersion) +
                          "; start the program that wrote it or a newer one");
  }
  const int64_t at = entry["at"].as_int(-1);
  if (at < 0 || at > kUnixMsMax) return corrupt(entry, "its time is none");
  for (const auto& row : kKinds) {
    if (row.kind != kind) continue;
    if (!state.is_started() && row.apply != apply_started) {
      return corrupt(entry, "the first entry must be run.started");
    }
    if (state.is_ended()) return corrupt(entry, "the run has ended");
    TRY(row.apply(state, entry));
    state.updated = std::max(state.updated, WallTime{at});
    return ok();
  }
  return make_error(ErrorCode::unsupported, "run journal: unknown kind '" + kind + "' (version " +
                                                std::to_string(version) +
                                                "); this program is older than the journal");
}

Result<State> fold(const std::vector<Json>& entries) {
  State state;
  for (const auto& entry : entries) TRY(apply(state, entry));
  return state;
}

}  // namespace plinth::agents
