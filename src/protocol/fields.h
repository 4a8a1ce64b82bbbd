// SPDX-License-Identifier: Apache-2.0
// Readers for nested fields: an error names the whole path, such as "messages[3].content[0].type".
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "base/result.h"

namespace plinth::protocol {

// Puts `path` in front of the field that a json_field reader named, in the message and in `param`.
template <typename T>
Result<T> within(const std::string& path, Result<T> result) {
  if (result.is_ok() || path.empty()) return result;
  Error error = std::move(result).error();
  error.param = error.param.empty() ? path : path + "." + error.param;
  error.message = path + "." + error.message;
  return error;
}

inline std::string at_index(std::string_view path, size_t index) {
  return std::string(path) + "[" + std::to_string(index) + "]";
}

// "PATH: CAUSE", with the path as the error's param.
inline Error field_error(const std::string& path, std::string_view cause) {
  return make_error(ErrorCode::invalid_argument, path + ": " + std::string(cause), path);
}

Error expected(const std::string& path, std::string_view wanted, const Json& got);
Error unsupported_field(const std::string& path, std::string_view cause);

}  // namespace plinth::protocol
