// SPDX-License-Identifier: Apache-2.0
// The journal entries of a run, version 1: one builder per kind. docs/run_journal.md describes
// every field. A body is {"v":1,"kind":…,"at":unix ms,…}; the entry's time is in the body so that a
// fold needs nothing else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agents/run/state.h"
#include "base/json.h"
#include "guard/authorizer.h"
#include "guard/label.h"

namespace plinth::agents::events {

inline constexpr int64_t kVersion = 1;

struct StartFacts {
  std::string run;
  AgentSpec agent;
  std::string goal;
  std::string idempotency_key;
  guard::Principal owner;
  std::vector<std::string> delegation;
  guard::Scope scope;
  guard::Label label;
};

Json run_started(WallTime at, const StartFacts& facts);
Json run_resumed(WallTime at);
Json timer_set(WallTime at, WallTime due);
Json timer_fired(WallTime at);
Json model_intended(WallTime at, const std::string& run, int64_t step, const std::string& model,
                    const std::string& request_digest);
// is_idempotent is recorded with the intent: a later catalog must not change what a crash means for
// this step.
Json tool_intended(WallTime at, const std::string& run, int64_t step,
                   const protocol::ToolCall& call, const Json& arguments, bool is_idempotent,
                   const std::string& decision);
Json model_returned(WallTime at, int64_t step, const protocol::ChatReply& reply,
                    size_t calls_dropped);
Json model_failed(WallTime at, int64_t step, const Error& error);
Json tool_returned(WallTime at, int64_t step, const std::string& tool, const std::string& text,
                   bool is_error, const guard::Label& label);
Json step_denied(WallTime at, int64_t step, const protocol::ToolCall& call,
                 const guard::Decision& decision);
// The call named no tool of this node, or its arguments do not fit: nothing was asked of policy or
// the world.
Json step_refused(WallTime at, int64_t step, const protocol::ToolCall& call,
                  const std::string& reason);
Json step_unknown(WallTime at, int64_t step, const std::string& tool);
Json approval_requested(WallTime at, const Approval& approval);
Json approval_answered(WallTime at, const Approval& approval, bool is_granted,
                       const std::string& principal, const std::string& decision);
Json cancel_requested(WallTime at, const std::string& principal);
Json run_completed(WallTime at, const State& state, const std::string& answer);
Json run_failed(WallTime at, const State& state, std::string_view error_code,
                const std::string& failure);
Json run_cancelled(WallTime at, const State& state);

// "run/step": the key by which the world recognises a repeat of this step.
std::string effect_key(const std::string& run, int64_t step);
// What an approval binds to: this run, this step, this tool and exactly these arguments.
std::string approval_digest(const std::string& run, int64_t step, const std::string& tool,
                            const Json& arguments);
bool is_final_kind(std::string_view kind);

}  // namespace plinth::agents::events
