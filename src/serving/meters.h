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

class Meters {
 public:
  Meters(telemetry::Metrics& metrics, store::Events& events) : metrics_(metrics), events_(events) {}

  void refused(const Error& error);
  void queue_depth(int waiting);  // over all models
  // With the router's choice and its reason.
  void started(const std::string& model, const std::string& call,
               const decisions::RouteChoice& choice, Duration waited);
  void retried(const Error& cause);
  // finished or failed.
  void ended(const std::string& model, const std::string& call, const CallTimes& times,
             const protocol::ChatEvent& end);
  void model_added(const std::string& model, const std::string& state, Duration took);

 private:
  telemetry::Metrics& metrics_;
  store::Events& events_;
};

}  // namespace plinth::serving
