// SPDX-License-Identifier: Apache-2.0
// Calls a running node's API and turns its answers and errors into values.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "cli/command.h"

namespace plinth::cli {

class NodeClient {
 public:
  explicit NodeClient(const Context& context);

  Result<Json> get(const std::string& path) const { return call("GET", path, nullptr); }
  Result<Json> post(const std::string& path, const Json& body) const {
    return call("POST", path, &body);
  }
  Result<Json> put(const std::string& path, const Json& body) const {
    return call("PUT", path, &body);
  }
  Result<Json> remove(const std::string& path) const { return call("DELETE", path, nullptr); }

  // POSTs and hands every data line of the event stream to on_data until the stream or on_data
  // (false) ends it.
  Status stream(const std::string& path, const Json& body,
                const std::function<bool(std::string_view)>& on_data) const;

 private:
  Result<Json> call(const std::string& method, const std::string& path, const Json* body) const;
  std::string url_;
  std::string key_;
};

// The node's {"code", "message", "param"} back as an Error; the code by its name, so that exit
// codes hold.
Error error_of(const Json& detail);

// Percent-encodes one path segment.
std::string path_segment(std::string_view text);

}  // namespace plinth::cli
