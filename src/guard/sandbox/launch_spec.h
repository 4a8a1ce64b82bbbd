// SPDX-License-Identifier: Apache-2.0
// What the launcher (`sandbox-exec`) is told on descriptor 3: the layers to apply to itself and the
// program to become.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace plinth::guard {

inline constexpr int kLaunchSpecDescriptor = 3;
inline constexpr size_t kLaunchSpecBytesMax = 1u << 20;
// Exit code of a launcher that could not apply a layer or start the program.
inline constexpr int kLauncherFailed = 125;
inline constexpr std::string_view kLauncherErrorPrefix = "plinth sandbox: ";
// What a launcher without a program prints once every layer holds: how probes know that it ran.
inline constexpr std::string_view kLauncherReady = "plinth sandbox ready";
// Set in the environment of every launcher, so that a program which does not dispatch
// `sandbox-exec` cannot start itself over and over by probing.
inline constexpr std::string_view kLauncherMark = "PLINTH_SANDBOX_EXEC";

struct LaunchSpec {
  std::vector<std::string> argv;  // empty: a probe
  std::map<std::string, std::string> environment;
  std::string working_folder;
  std::vector<std::string> read_only_paths;
  std::vector<std::string> writable_paths;

  bool tries_user_namespace = false;  // only for probing
  bool has_landlock = true;
  bool has_seccomp = true;
  bool has_rlimits = true;
  bool has_own_pids = false;  // in a pid namespace of its own: may fork and signal

  uint64_t cpu_seconds_max = 0;
  uint64_t memory_bytes_max = 0;
  uint64_t file_bytes_max = 0;
  uint64_t processes_max = 0;  // 0: no limit of its own

  Json to_json() const;
  static Result<LaunchSpec> from_json(const Json& json);
};

}  // namespace plinth::guard
