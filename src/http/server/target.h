// SPDX-License-Identifier: Apache-2.0
// The request target as a safe path and a query.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace plinth::http {

struct Target {
  std::string path;  // decoded; "*" for OPTIONS *
  std::map<std::string, std::string> query;
  std::string authority;  // of an absolute target ("http://host/path"), else empty
};

// Refuses what could name another path to another reader: "." and ".." segments, encoded slashes,
// backslashes, NUL, broken percent codes, bytes that are not UTF-8, fragments. Of a repeated query
// name the first value counts.
Result<Target> parse_target(std::string_view method, std::string_view target);

}  // namespace plinth::http
