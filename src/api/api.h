// SPDX-License-Identifier: Apache-2.0
// The API: one table of routes (routes.cc) over the doors of the modules below. It authenticates
// the caller, builds the guard::Request, calls one door and encodes the answer. It decides nothing
// itself.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agents/agents.h"
#include "api/stored_responses.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/loop.h"
#include "cluster/reports.h"
#include "guard/guard.h"
#include "http/server.h"
#include "memory/memory.h"
#include "serving/serving.h"
#include "store/events.h"
#include "telemetry/metrics.h"

namespace plinth::api {

// What endpoints may use. All outlive the Api.
struct Services {
  guard::Guard& guard;
  serving::Serving& serving;
  memory::Memory& memory;
  const memory::Embedder& embedder;
  agents::Agents& agents;
  cluster::Reports& reports;
  store::Events& events;
  telemetry::Metrics& metrics;
  const Clock& clock;
  EventLoop& timers;
  IdSource& ids;
  StoredResponses& responses;
  WorkerPool& workers;       // for what an endpoint still has to do once a reply has ended
  std::string console_page;  // HTML
  std::string version;
  std::function<bool()> is_ready;  // models loaded, runs resumed
  telemetry::Aliases metric_aliases = telemetry::Aliases::none;
};

struct RouteSummary {
  std::string method;
  std::string pattern;  // "/api/runs/{run}"
  std::string meaning;
};

class Api {
 public:
  Api(Services& services, guard::DoorOptions door)
      : services_(services), door_(std::make_shared<const guard::DoorOptions>(std::move(door))) {}
  // The http::Handler: called on a worker thread, where it may block, or on a loop when is_quick.
  void handle(http::ServerRequest request, http::ResponseWriter writer);
  // The listening port is known only after the socket is bound, so the allow-lists come then.
  void set_door(guard::DoorOptions door);

  static std::vector<RouteSummary> routes();  // docs/reference/routes.md is generated from it

 private:
  std::shared_ptr<const guard::DoorOptions> door() const;
  Services& services_;
  mutable Mutex mutex_;
  std::shared_ptr<const guard::DoorOptions> door_ GUARDED_BY(mutex_);
};

// The http::QuickCheck: a small chat on a node that only passes chats on. Its decision is recorded
// in a group and its keys and policies lie in memory, so nothing of it waits.
bool is_quick(const http::ServerRequest& request, const serving::Serving& serving);

// Errors the HTTP server itself makes (bad framing, limits), in the shape of the path's dialect.
http::ServerResponse error_response(const Error& error, const std::string& path);

}  // namespace plinth::api
