// SPDX-License-Identifier: Apache-2.0
// The state of one run: what its journal entries add up to. fold.h builds it, next.h decides from
// it; neither does I/O, so that a run can be replayed anywhere.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "agents/agents.h"
#include "base/clock.h"
#include "base/json.h"
#include "guard/request.h"
#include "protocol/chat.h"

namespace plinth::agents {

inline constexpr size_t kCallsPerReplyMax = 16;       // tool calls taken from one model reply
inline constexpr size_t kReplyBytesMax = 128u << 10;  // text and calls of one model reply
inline constexpr size_t kArgumentsBytesMax = 64u << 10;
inline constexpr size_t kGoalBytesMax = 32u << 10;
inline constexpr int64_t kResumesMax = 100;  // a run that keeps ending the process is given up

enum class StepKind : uint8_t { model, tool };

// A step whose intent is journaled and whose result is not.
struct InHand {
  int64_t step = 0;
  StepKind kind = StepKind::model;
  std::string key;  // idempotency key "run/step"
  std::string tool;
  protocol::ToolCall call;
  Json arguments = Json::object();
  std::string digest;  // of the model request, or of the tool's arguments
  bool is_idempotent = true;
  bool is_unknown = false;         // step.unknown was journaled
  bool is_repeat_granted = false;  // a person allowed the repeat of an unknown step
};

enum class ApprovalKind : uint8_t { policy, unknown_outcome };

struct Approval {
  ApprovalKind kind = ApprovalKind::policy;
  int64_t step = 0;
  std::string tool;
  Json arguments = Json::object();
  std::string digest;
  std::string question;
  std::string decision;
  bool is_answered = false;
  bool is_granted = false;
};

struct State {
  std::string run;
  AgentSpec agent;
  std::string goal;
  std::string idempotency_key;
  guard::Principal owner;               // who started the run
  std::vector<std::string> delegation;  // and for whom it acts
  guard::Scope scope;
  guard::Label goal_label;  // of the request that started the run
  guard::Label label;       // join of everything in the model's context

  std::vector<protocol::Message> turns;          // assistant and tool messages, in order
  std::deque<protocol::ToolCall> pending_calls;  // of the latest reply, not yet handled
  std::optional<std::string> final_text;         // the latest reply asked for no tool
  std::string model_error;                       // the latest model call failed for good

  int64_t steps = 0;  // the last step number in use
  int64_t tokens = 0;
  int64_t resumes = 0;
  int64_t idle_ms =
      0;  // waiting for people, timers and a stopped node: not part of the time budget
  WallTime started;
  WallTime updated;

  std::optional<InHand> in_hand;
  std::optional<Approval> approval;
  std::optional<WallTime> timer_due;
  bool is_cancel_requested = false;
  RunState run_state = RunState::running;
  std::string answer;
  std::string failure;

  bool is_started() const { return !run.empty(); }
  bool is_ended() const {
    return run_state == RunState::completed || run_state == RunState::failed ||
           run_state == RunState::cancelled;
  }
};

}  // namespace plinth::agents
