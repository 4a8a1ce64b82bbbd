// SPDX-License-Identifier: Apache-2.0
// Names of the metrics stand in telemetry's table; the event's fields stand here.
#include "serving/meters.h"

#include "base/units.h"

namespace plinth::serving {

namespace {

using telemetry::Metric;

constexpr std::string_view kTopic = "model";
constexpr std::string_view kQueue = "admission";

double seconds(Duration span) { return std::chrono::duration<double>(span).count(); }

}  // namespace

std::string_view operation_name(Operation operation) {
  return operation == Operation::chat ? "chat" : "embeddings";
}

void Meters::refused(const Error& error) {
  metrics_.add(Metric::admission_refused, 1, {{"reason", error_name(error.code)}});
}

void Meters::queue_depth(int waiting) {
  metrics_.set(Metric::queue_depth, waiting, {{"queue", kQueue}});
}

void Meters::started(const std::string& model, Operation operation, const std::string& call,
                     const decisions::RouteChoice& choice, Duration waited) {
  metrics_.observe(
      Metric::gen_ai_queue_seconds, seconds(waited),
      {{"gen_ai_operation_name", operation_name(operation)}, {"gen_ai_request_model", model}});
  metrics_.observe(Metric::queue_wait_seconds, seconds(waited), {{"queue", kQueue}});
  if (!events_.is_watched(kTopic)) return;
  events_.publish(std::string(kTopic), Json::object({{"model", model},
                                                     {"event", "started"},
                                                     {"id", call},
                                                     {"replica", choice.id.value_or("")},
                                                     {"reason", choice.reason},
                                                     {"wait_ms", to_ms(waited)}})
                                           .dump());
}

void Meters::retried(const Error& cause) {
  metrics_.add(Metric::router_retries, 1, {{"reason", error_name(cause.code)}});
}

void Meters::ended(const std::string& model, Operation operation, const std::string& call,
                   const CallTimes& times, const protocol::ChatEvent& end) {
  const std::string_view asked = operation_name(operation);
  const telemetry::MetricLabels labels = {{"gen_ai_operation_name", asked},
                                          {"gen_ai_request_model", model}};
  metrics_.observe(Metric::gen_ai_request_seconds, seconds(times.ended - times.admitted), labels);
  Json event = Json::object({{"model", model},
                             {"event", "finished"},
                             {"operation", asked},
                             {"id", call},
                             {"duration_ms", to_ms(times.ended - times.admitted)}});
  if (times.first_token) {
    const Duration first = *times.first_token - times.admitted;
    metrics_.observe(Metric::gen_ai_first_token_seconds, seconds(first), labels);
    event.set("first_token_ms", to_ms(first));
  }
  const bool is_failed = end.kind == protocol::ChatEvent::Kind::failed;
  metrics_.add(Metric::gen_ai_requests, 1,
               {{"gen_ai_operation_name", asked},
                {"gen_ai_request_model", model},
                {"outcome", is_failed ? error_name(end.error.code)
                                      : protocol::finish_reason_name(end.reason)}});
  if (is_failed) {
    event.set("error", error_name(end.error.code));
  } else {
    const protocol::Usage& usage = end.usage;
    if (times.first_token && usage.completion_tokens > 1) {
      metrics_.observe(Metric::gen_ai_output_token_seconds,
                       seconds(times.ended - *times.first_token) /
                           static_cast<double>(usage.completion_tokens - 1),
                       labels);
    }
    metrics_.observe(Metric::gen_ai_tokens, static_cast<double>(usage.prompt_tokens),
                     {{"gen_ai_operation_name", asked},
                      {"gen_ai_request_model", model},
                      {"gen_ai_token_type", "input"}});
    metrics_.add(Metric::gen_ai_cached_tokens, static_cast<double>(usage.cached_tokens),
                 {{"gen_ai_operation_name", asked}, {"gen_ai_request_model", model}});
    if (operation == Operation::chat) {
      metrics_.observe(Metric::gen_ai_tokens, static_cast<double>(usage.completion_tokens),
                       {{"gen_ai_operation_name", asked},
                        {"gen_ai_request_model", model},
                        {"gen_ai_token_type", "output"}});
    }
    event.set("reason", protocol::finish_reason_name(end.reason));
    event.set("prompt_tokens", usage.prompt_tokens);
    event.set("completion_tokens", usage.completion_tokens);
    event.set("cached_tokens", usage.cached_tokens);
  }
  events_.publish(std::string(kTopic), event.dump());
}

void Meters::load(const std::string& model, const ModelLoad& load) {
  const telemetry::MetricLabels labels = {{"gen_ai_request_model", model}};
  metrics_.set(Metric::model_running, load.running, labels);
  metrics_.set(Metric::model_waiting, load.waiting, labels);
  metrics_.set(Metric::kv_usage, load.kv_usage, labels);
}

void Meters::model_added(const std::string& model, const std::string& state, Duration took) {
  metrics_.add(Metric::replicas, 1, {{"state", state}});
  if (state == "ready") {
    metrics_.observe(Metric::model_load_seconds, seconds(took), {{"gen_ai_request_model", model}});
  }
  events_.publish(std::string(kTopic),
                  Json::object({{"model", model}, {"event", "added"}, {"state", state}}).dump());
}

}  // namespace plinth::serving
