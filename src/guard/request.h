// SPDX-License-Identifier: Apache-2.0
// Request: who asks, for whom, with data of which label, until when. Every door function that acts
// takes one.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/json.h"
#include "guard/label.h"
#include "telemetry/trace.h"

namespace plinth::guard {

enum class PrincipalKind : uint8_t { operator_, user, agent, service };

struct Principal {
  std::string id;      // "local-operator", "key_01J…", "agent:accountant"
  std::string tenant;  // "default"
  PrincipalKind kind = PrincipalKind::user;
  std::set<std::string> roles;  // "operator", "user", "agent"
};

// What a delegate may do at most: actions it may use and resources (tool names, spaces, models) it
// may touch. Delegation only narrows: narrow() intersects.
struct Scope {
  std::optional<std::set<std::string>> actions;  // nullopt: all
  std::optional<std::set<std::string>>
      resources;  // nullopt: all; entries "tool:read_file", "space:notes"
  Scope narrow(const Scope& other) const;
  bool allows(const std::string& action, const std::string& resource) const;
  Json to_json() const;
  static Result<Scope> from_json(const Json& json);
};

struct Request {
  Principal principal;
  std::vector<std::string>
      delegation;  // ids from the first principal to this one, when acting for another
  Scope scope;
  Label label;  // what influenced this request so far
  Deadline deadline = Deadline::none();
  Cancellation cancellation;
  telemetry::TraceId trace;
  std::string request_id;

  // The same request made by `agent` on behalf of this principal, with no more rights.
  Request delegate(const Principal& agent, const Scope& narrower) const;
};

}  // namespace plinth::guard
