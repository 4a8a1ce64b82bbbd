// SPDX-License-Identifier: Apache-2.0
// The route table and how a request finds its row.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/endpoint.h"

namespace plinth::api {

enum class Access : uint8_t {
  open,           // answered without authentication (liveness; nothing of a tenant)
  authenticated,  // the caller must be a principal
  console,        // open, but sets the console's cookie when the token is right
};

struct Route {
  std::string_view method;
  std::string_view pattern;
  Endpoint endpoint;
  Access access;
  std::string_view meaning;
  Dialect dialect = Dialect::openai;  // of its errors
};

std::span<const Route> route_table();

struct RouteMatch {
  const Route* route = nullptr;  // null: no such path, or (is_path_known) no such method on it
  bool is_path_known = false;
  Dialect dialect = Dialect::openai;  // of the path, where it is known
  std::map<std::string, std::string> parameters;
};
RouteMatch find_route(std::string_view method, std::string_view path);

}  // namespace plinth::api
