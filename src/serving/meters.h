// SPDX-License-Identifier: Apache-2.0
// What serving tells the outside about its calls: metrics, and events for those who watch. Never a
// word of a prompt.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "decisions/route.h"
#include "protocol/chat.h"
#include "store/events.h"
#include "telemetry/metrics.h"

namespace plinth::serving {

// Times of one call, as far as it got.
struct CallTimes {
  MonotonicTime admitted{};
  MonotonicTime started{};
  std::optional<MonotonicTime> first_token;
  MonotonicTime ended{};
};

// Of one model, all its replicas together.
struct ModelLoad {
  int running = 0;  // in replicas
  int waiting = 0;  // here and in replicas
  double kv_usage = 0;
};

// What was asked of a model.
enum class Operation : uint8_t { chat, embeddings };
std::string_view operation_name(Operation operation);  // OpenTelemetry's gen_ai.operation.name

class Meters {
 public:
  Meters(telemetry::Metrics& metrics, store::Events& events) : metrics_(metrics), events_(events) {}

  void refused(const Error& error);
  void queue_depth(int waiting);  // over all models
  // With the router's choice and its reason.
  void started(const std::string& model, Operation operation, const std::string& call,
               const decisions::RouteChoice& choice, Duration waited);
  void retried(const Error& cause);
  // finished or failed.
  void ended(const std::string& model, Operation operation, const std::string& call,
             const CallTimes& times, const protocol::ChatEvent& end);
  void load(const std::string& model, const ModelLoad& load);
  void model_added(const std::string& model, const std::string& state, Duration took);

 private:
  telemetry::Metrics& metrics_;
  store::Events& events_;
};

}  // namespace plinth::serving
