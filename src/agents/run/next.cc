// SPDX-License-Identifier: Apache-2.0
#include "agents/run/next.h"

#include "base/units.h"

namespace plinth::agents {
namespace {

using Kind = Effect::Kind;

Effect failure(ErrorCode code, std::string why) {
  Effect effect;
  effect.kind = Kind::fail;
  effect.code = code;
  effect.text = std::move(why);
  return effect;
}

Effect plain(Kind kind) {
  Effect effect;
  effect.kind = kind;
  return effect;
}

Effect repeat(const State& state) {
  Effect effect;
  effect.kind = state.in_hand->kind == StepKind::model ? Kind::call_model : Kind::call_tool;
  effect.step = state.in_hand->step;
  effect.is_repeat = true;
  // The intent of an approved call was journaled only after the approval: it covers the repeat too.
  effect.is_approved = true;
  return effect;
}

// A step was intended and no result is known.
Effect recover(const State& state) {
  const InHand& in_hand = *state.in_hand;
  if (in_hand.is_idempotent || in_hand.is_repeat_granted) return repeat(state);
  if (!in_hand.is_unknown) return plain(Kind::mark_unknown);
  switch (state.agent.on_unknown) {
    case OnUnknown::ask:
      if (state.approval && !state.approval->is_answered) return plain(Kind::wait);
      return plain(Kind::ask_unknown);
    case OnUnknown::retry:
      return repeat(state);
    case OnUnknown::fail:
      break;
  }
  return failure(ErrorCode::outcome_unknown,
                 "the outcome of step " + std::to_string(in_hand.step) + " (" + in_hand.tool +
                     ") is unknown, and the agent's on_unknown rule is fail");
}

std::optional<std::string> exhausted(const State& state, WallTime now) {
  const Budget& budget = state.agent.budget;
  if (state.steps >= budget.steps_max) {
    return "steps_max of " + std::to_string(budget.steps_max) + " is used up";
  }
  if (state.tokens >= budget.tokens_max) {
    return "tokens_max of " + std::to_string(budget.tokens_max) +
           " is used up: " + std::to_string(state.tokens) + " tokens";
  }
  if (active_ms(state, now) >= to_ms(budget.time_max)) {
    return "time_max of " + format_duration(budget.time_max) + " is used up";
  }
  return std::nullopt;
}

}  // namespace

int64_t active_ms(const State& state, WallTime now) {
  return now.unix_ms - state.started.unix_ms - state.idle_ms;
}

Effect next(const State& state, WallTime now) {
  if (!state.is_started() || state.is_ended()) return plain(Kind::wait);
  if (state.is_cancel_requested) return plain(Kind::cancel);
  if (state.resumes > kResumesMax) {
    return failure(ErrorCode::internal, "the run was resumed " + std::to_string(state.resumes) +
                                            " times without ending; it is given up");
  }
  if (state.in_hand) return recover(state);
  if (state.approval && !state.approval->is_answered) return plain(Kind::wait);
  if (state.timer_due) {
    return plain(now >= *state.timer_due ? Kind::fire_timer : Kind::wait);
  }
  if (!state.model_error.empty()) {
    return failure(ErrorCode::upstream_failed, "the model call failed: " + state.model_error);
  }
  if (state.final_text && state.pending_calls.empty()) {
    Effect effect;
    effect.kind = Kind::complete;
    effect.text = *state.final_text;
    return effect;
  }
  if (const auto what = exhausted(state, now)) {
    return failure(ErrorCode::budget_exhausted, "budget_exhausted: " + *what);
  }
  Effect effect;
  effect.kind = state.pending_calls.empty() ? Kind::call_model : Kind::call_tool;
  effect.step = state.steps + 1;
  effect.is_approved = state.approval && state.approval->is_granted;
  return effect;
}

}  // namespace plinth::agents
