// SPDX-License-Identifier: Apache-2.0
// Liveness, readiness and metrics.
#include "api/endpoint.h"

namespace plinth::api::endpoints {

void healthz(Call call) {
  answer(call, Json::object({{"status", "alive"}, {"version", call.services.version}}));
}

// A node is ready when it has started. An upstream that cannot be reached does not make it less so,
// for it may come at any time, but is told: {"models": {"ready": 1, "unreachable": 1}}.
void readyz(Call call) {
  if (call.services.is_ready()) {
    Json models = Json::object();
    for (const auto& [state, count] : call.services.serving.states()) models.set(state, count);
    return answer(call, Json::object({{"status", "ready"}, {"models", std::move(models)}}));
  }
  answer(call, make_error(ErrorCode::unavailable,
                          "the node is still starting: models are loading or runs are resuming"));
}

void metrics(Call call) {
  const guard::Decision decision = call.services.guard.authorizer().authorize(
      call.request, guard::Action{guard::ActionKind::metrics_read, "node", "metrics"});
  if (auto allowed = guard::require_allowed(decision); allowed.is_error()) {
    return answer(call, allowed.error());
  }
  call.services.serving.publish_load();
  call.writer.respond(http::ServerResponse::text(
      200, call.services.metrics.prometheus_text(call.services.metric_aliases),
      "text/plain; version=0.0.4; charset=utf-8"));
}

}  // namespace plinth::api::endpoints
