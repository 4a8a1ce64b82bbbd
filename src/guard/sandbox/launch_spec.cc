// SPDX-License-Identifier: Apache-2.0
// The launcher's instructions as JSON.
#include "guard/sandbox/launch_spec.h"

#include <limits>

namespace plinth::guard {
namespace {

Result<std::vector<std::string>> strings(const Json& json, std::string_view key) {
  std::vector<std::string> texts;
  if (!json[key].is_array()) {
    return make_error(ErrorCode::malformed, std::string(key) + ": expected an array");
  }
  for (const Json& item : json[key].items()) {
    if (!item.is_string() || item.as_string().find('\0') != std::string::npos) {
      return make_error(ErrorCode::malformed, std::string(key) + ": expected strings without NUL");
    }
    texts.push_back(item.as_string());
  }
  return texts;
}

Result<uint64_t> limit(const Json& json, std::string_view key) {
  const auto value =
      TRY(json_field::optional_integer(json, key, 0, std::numeric_limits<int64_t>::max()));
  if (!value) return make_error(ErrorCode::malformed, std::string(key) + ": missing");
  return static_cast<uint64_t>(*value);
}

Result<bool> flag(const Json& json, std::string_view key) {
  const auto value = TRY(json_field::optional_bool(json, key));
  if (!value) return make_error(ErrorCode::malformed, std::string(key) + ": missing");
  return *value;
}

}  // namespace

Json LaunchSpec::to_json() const {
  Json variables = Json::object();
  for (const auto& [name, value] : environment) variables.set(name, value);
  return Json::object({{"argv", Json::array_of(argv)},
                       {"environment", std::move(variables)},
                       {"working_folder", working_folder},
                       {"read_only_paths", Json::array_of(read_only_paths)},
                       {"writable_paths", Json::array_of(writable_paths)},
                       {"tries_user_namespace", tries_user_namespace},
                       {"has_landlock", has_landlock},
                       {"has_seccomp", has_seccomp},
                       {"has_rlimits", has_rlimits},
                       {"has_own_pids", has_own_pids},
                       {"cpu_seconds_max", cpu_seconds_max},
                       {"memory_bytes_max", memory_bytes_max},
                       {"file_bytes_max", file_bytes_max},
                       {"processes_max", processes_max}});
}

Result<LaunchSpec> LaunchSpec::from_json(const Json& json) {
  LaunchSpec spec;
  spec.argv = TRY(strings(json, "argv"));
  for (const auto& [name, value] : json["environment"].members()) {
    spec.environment[name] = value.as_string();
  }
  spec.working_folder = json["working_folder"].as_string();
  spec.read_only_paths = TRY(strings(json, "read_only_paths"));
  spec.writable_paths = TRY(strings(json, "writable_paths"));
  spec.tries_user_namespace = TRY(flag(json, "tries_user_namespace"));
  spec.has_landlock = TRY(flag(json, "has_landlock"));
  spec.has_seccomp = TRY(flag(json, "has_seccomp"));
  spec.has_rlimits = TRY(flag(json, "has_rlimits"));
  spec.has_own_pids = TRY(flag(json, "has_own_pids"));
  spec.cpu_seconds_max = TRY(limit(json, "cpu_seconds_max"));
  spec.memory_bytes_max = TRY(limit(json, "memory_bytes_max"));
  spec.file_bytes_max = TRY(limit(json, "file_bytes_max"));
  spec.processes_max = TRY(limit(json, "processes_max"));
  return spec;
}

}  // namespace plinth::guard
