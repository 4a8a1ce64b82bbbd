// SPDX-License-Identifier: Apache-2.0
// Builders of a run's journal entries.
#include "agents/run/events.h"

#include "base/hash.h"

namespace plinth::agents::events {
namespace {

Json body(std::string_view kind, WallTime at) {
  return Json::object({{"v", kVersion}, {"kind", kind}, {"at", at.unix_ms}});
}

Json step_body(std::string_view kind, WallTime at, int64_t step) {
  Json entry = body(kind, at);
  entry.set("step", step);
  return entry;
}

Json call_json(const protocol::ToolCall& call) {
  return Json::object({{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}});
}

std::string_view principal_kind_name(guard::PrincipalKind kind) {
  switch (kind) {
    case guard::PrincipalKind::operator_:
      return "operator";
    case guard::PrincipalKind::user:
      return "user";
    case guard::PrincipalKind::agent:
      return "agent";
    case guard::PrincipalKind::service:
      return "service";
  }
  return "user";
}

Json principal_json(const guard::Principal& principal) {
  return Json::object(
      {{"id", principal.id},
       {"tenant", principal.tenant},
       {"kind", principal_kind_name(principal.kind)},
       {"roles", Json::array_of({principal.roles.begin(), principal.roles.end()})}});
}

// The end of a run repeats its totals, so that a list of runs needs only the first and the last
// entry.
Json final_body(std::string_view kind, WallTime at, const State& state) {
  Json entry = body(kind, at);
  entry.set("steps", state.steps);
  entry.set("tokens", state.tokens);
  return entry;
}

}  // namespace

Json run_started(WallTime at, const StartFacts& facts) {
  Json entry = body("run.started", at);
  entry.set("run", facts.run);
  entry.set("agent", facts.agent.to_json());
  entry.set("goal", facts.goal);
  entry.set("idempotency_key", facts.idempotency_key);
  entry.set("principal", principal_json(facts.owner));
  entry.set("delegation", Json::array_of(facts.delegation));
  entry.set("scope", facts.scope.to_json());
  entry.set("label", facts.label.to_json());
  return entry;
}

Json run_resumed(WallTime at) { return body("run.resumed", at); }

Json timer_set(WallTime at, WallTime due) {
  Json entry = body("timer.set", at);
  entry.set("due", due.unix_ms);
  return entry;
}

Json timer_fired(WallTime at) { return body("timer.fired", at); }

Json model_intended(WallTime at, const std::string& run, int64_t step, const std::string& model,
                    const std::string& request_digest) {
  Json entry = step_body("step.intended", at, step);
  entry.set("effect", Json::object({{"kind", "model"},
                                    {"model", model},
                                    {"request_digest", request_digest},
                                    {"is_idempotent", true},
                                    {"key", effect_key(run, step)}}));
  return entry;
}

Json tool_intended(WallTime at, const std::string& run, int64_t step,
                   const protocol::ToolCall& call, const Json& arguments, bool is_idempotent,
                   const std::string& decision) {
  Json entry = step_body("step.intended", at, step);
  entry.set("effect", Json::object({{"kind", "tool"},
                                    {"tool", call.name},
                                    {"call", call.id},
                                    {"arguments", arguments},
                                    {"arguments_digest", hex(sha256(arguments.canonical()))},
                                    {"is_idempotent", is_idempotent},
                                    {"key", effect_key(run, step)}}));
  entry.set("decision", decision);
  return entry;
}

Json model_returned(WallTime at, int64_t step, const protocol::ChatReply& reply,
                    size_t calls_dropped) {
  Json entry = step_body("step.returned", at, step);
  Json calls = Json::array();
  for (const auto& call : reply.tool_calls) calls.push(call_json(call));
  entry.set("text", reply.text);
  entry.set("tool_calls", std::move(calls));
  if (calls_dropped > 0) entry.set("calls_dropped", calls_dropped);
  entry.set("reason", protocol::finish_reason_name(reply.reason));
  entry.set("tokens", Json::object({{"prompt", reply.usage.prompt_tokens},
                                    {"completion", reply.usage.completion_tokens},
                                    {"cached", reply.usage.cached_tokens}}));
  return entry;
}

Json model_failed(WallTime at, int64_t step, const Error& error) {
  Json entry = step_body("step.returned", at, step);
  entry.set("error", Json::object({{"code", error_name(error.code)}, {"message", error.message}}));
  return entry;
}

Json tool_returned(WallTime at, int64_t step, const std::string& tool, const std::string& text,
                   bool is_error, const guard::Label& label) {
  Json entry = step_body("step.returned", at, step);
  entry.set("tool", tool);
  entry.set("text", text);
  entry.set("is_error", is_error);
  entry.set("label", label.to_json());
  return entry;
}

Json step_denied(WallTime at, int64_t step, const protocol::ToolCall& call,
                 const guard::Decision& decision) {
  Json entry = step_body("step.denied", at, step);
  entry.set("tool", call.name);
  entry.set("call", call.id);
  entry.set("reason", decision.reason);
  entry.set("decision", decision.id);
  entry.set("policies", Json::array_of(decision.policies));
  return entry;
}

Json step_refused(WallTime at, int64_t step, const protocol::ToolCall& call,
                  const std::string& reason) {
  Json entry = step_body("step.refused", at, step);
  entry.set("tool", call.name);
  entry.set("call", call.id);
  entry.set("reason", reason);
  return entry;
}

Json step_unknown(WallTime at, int64_t step, const std::string& tool) {
  Json entry = step_body("step.unknown", at, step);
  entry.set("tool", tool);
  return entry;
}

Json approval_requested(WallTime at, const Approval& approval) {
  Json entry = step_body("approval.requested", at, approval.step);
  entry.set("about", approval.kind == ApprovalKind::policy ? "policy" : "unknown_outcome");
  entry.set("tool", approval.tool);
  entry.set("arguments", approval.arguments);
  entry.set("digest", approval.digest);
  entry.set("question", approval.question);
  entry.set("decision", approval.decision);
  return entry;
}

Json approval_answered(WallTime at, const Approval& approval, bool is_granted,
                       const std::string& principal, const std::string& decision) {
  Json entry = step_body("approval.answered", at, approval.step);
  entry.set("digest", approval.digest);
  entry.set("is_granted", is_granted);
  entry.set("by", principal);
  entry.set("decision", decision);
  return entry;
}

Json cancel_requested(WallTime at, const std::string& principal) {
  Json entry = body("run.cancel_requested", at);
  entry.set("by", principal);
  return entry;
}

Json run_completed(WallTime at, const State& state, const std::string& answer) {
  Json entry = final_body("run.completed", at, state);
  entry.set("answer", answer);
  return entry;
}

Json run_failed(WallTime at, const State& state, std::string_view error_code,
                const std::string& failure) {
  Json entry = final_body("run.failed", at, state);
  entry.set("error", error_code);
  entry.set("failure", failure);
  return entry;
}

Json run_cancelled(WallTime at, const State& state) {
  Json entry = final_body("run.cancelled", at, state);
  if (state.in_hand) entry.set("step_in_hand", state.in_hand->step);
  return entry;
}

std::string effect_key(const std::string& run, int64_t step) {
  return run + "/" + std::to_string(step);
}

std::string approval_digest(const std::string& run, int64_t step, const std::string& tool,
                            const Json& arguments) {
  const Json bound =
      Json::object({{"run", run}, {"step", step}, {"tool", tool}, {"arguments", arguments}});
  return hex(sha256(bound.canonical()));
}

bool is_final_kind(std::string_view kind) {
  return kind == "run.completed" || kind == "run.failed" || kind == "run.cancelled";
}

}  // namespace plinth::agents::events
