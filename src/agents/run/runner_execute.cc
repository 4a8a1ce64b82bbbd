// SPDX-License-Identifier: Apache-2.0
// The effects themselves: one model call or one tool call, and what becomes of their results.
#include "agents/run/events.h"
#include "agents/run/runner.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "base/units.h"

namespace plinth::agents {
namespace {

constexpr int kModelTriesMax = 6;
constexpr int64_t kRetryMsMin = 200;
constexpr int64_t kRetryMsMax = 30'000;

double seconds(Duration span) { return std::chrono::duration<double>(span).count(); }

ToolOutput output_of_error(const Error& error, const guard::Label& label) {
  ToolOutput output;
  output.is_error = true;
  output.text = (error.code == ErrorCode::denied ? "denied: " : "error: ") + error.message;
  output.label = label;
  return output;
}

// An entry must fit the journal; what a model or tool returned beyond that is refused, never cut
// silently.
Json model_entry(WallTime now, int64_t step, Result<protocol::ChatReply> reply) {
  if (reply.is_error()) return events::model_failed(now, step, reply.error());
  size_t dropped = 0;
  if (reply->tool_calls.size() > kCallsPerReplyMax) {
    dropped = reply->tool_calls.size() - kCallsPerReplyMax;
    reply->tool_calls.resize(kCallsPerReplyMax);
  }
  Json entry = events::model_returned(now, step, *reply, dropped);
  if (entry.dump().size() <= kEntryBytesMax) return entry;
  return events::model_failed(
      now, step, make_error(ErrorCode::too_large, "the model's reply is too large to keep"));
}

Json tool_entry(WallTime now, int64_t step, const ToolRow& row, const ToolOutput& output,
                const guard::Label& context) {
  const std::string name(row.name);
  // A label reaches the journal only in a form that can be read back; the context's own can.
  const bool is_readable = guard::Label::from_json(output.label.to_json()).is_ok();
  const std::string text = shorten(output.text, limits::kToolOutputBytesMax);
  Json entry = events::tool_returned(now, step, name, text, output.is_error, output.label);
  if (is_readable && entry.dump().size() <= kEntryBytesMax) return entry;
  return events::tool_returned(now, step, name, "error: the result is too large to keep", true,
                               context);
}

}  // namespace

bool Runner::execute_model(const std::shared_ptr<Run>& run, const Dispatch& dispatch) {
  const MonotonicTime begin = options_.clock.now();
  auto reply = options_.serving.chat_whole(dispatch.request, dispatch.chat);
  options_.metrics.observe(telemetry::Metric::step_seconds, seconds(options_.clock.now() - begin),
                           {{"kind", "model"}});
  if (reply.is_ok() && reply->reason == protocol::FinishReason::cancelled) {
    reply = make_error(ErrorCode::cancelled, "the model call was cancelled");
  }
  MutexLock lock(run->mutex);
  if (reply.is_error()) {
    // Ended on purpose: the step stays in hand, for the cancel or for the next start.
    const bool is_ended_here = run->state.is_cancel_requested || is_stopping_.load();
    if (reply.error().code == ErrorCode::cancelled && is_ended_here) return true;
  }
  const WallTime now = options_.clock.wall();
  const bool is_time_up = active_ms(run->state, now) >= to_ms(run->state.agent.budget.time_max);
  if (reply.is_error() && !is_time_up && pause_before_retry(run, reply.error())) return false;
  run->model_tries = 0;
  if (reply.is_error() && is_time_up) {
    reply = make_error(
        ErrorCode::budget_exhausted,
        "time_max of " + format_duration(run->state.agent.budget.time_max) + " is used up");
  }
  journal_.note(*run, model_entry(now, dispatch.step, std::move(reply)));
  return true;
}

bool Runner::pause_before_retry(const std::shared_ptr<Run>& run, const Error& error) {
  if (error_row(error.code).retry != Retry::later) return false;
  if (++run->model_tries >= kModelTriesMax) return false;
  const int64_t doubled = kRetryMsMin << run->model_tries;
  const int64_t wait = std::min(std::max(doubled, error.retry_after_ms.value_or(0)), kRetryMsMax);
  log_event(LogLevel::info, "run.model_retry",
            {{"run", run->stream.id},
             {"error", std::string(error_name(error.code))},
             {"wait_ms", std::to_string(wait)}});
  run->is_active = false;
  alarms_.set(run, WallTime{options_.clock.wall().unix_ms + wait});
  return true;
}

bool Runner::execute_tool(const std::shared_ptr<Run>& run, const Dispatch& dispatch) {
  const std::string workspace =
      workspace_of(options_, dispatch.request.principal.tenant, dispatch.agent);
  const ToolCallContext context{.node = options_,
                                .request = dispatch.request,
                                .owner = dispatch.owner,
                                .workspace = workspace,
                                .space = dispatch.agent.space,
                                .http_hosts = dispatch.agent.http_hosts,
                                .key = dispatch.key};
  const MonotonicTime begin = options_.clock.now();
  const auto result = dispatch.row->execute(*dispatch.row, context, dispatch.arguments);
  const double took = seconds(options_.clock.now() - begin);
  const ToolOutput output =
      result.is_ok() ? *result : output_of_error(result.error(), dispatch.request.label);
  options_.metrics.observe(telemetry::Metric::step_seconds, took, {{"kind", "tool"}});
  options_.metrics.observe(
      telemetry::Metric::tool_seconds, took,
      {{"tool", dispatch.row->name}, {"outcome", output.is_error ? "error" : "ok"}});

  MutexLock lock(run->mutex);
  const bool is_ended_here = run->state.is_cancel_requested || is_stopping_.load();
  if (result.is_error() && result.error().code == ErrorCode::cancelled && is_ended_here) {
    return true;
  }
  journal_.note(*run, tool_entry(options_.clock.wall(), dispatch.step, *dispatch.row, output,
                                 dispatch.request.label));
  return true;
}

}  // namespace plinth::agents
