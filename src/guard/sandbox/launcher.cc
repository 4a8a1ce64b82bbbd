// SPDX-License-Identifier: Apache-2.0
// `sandbox-exec`: applies the layers to itself, from the least to the most restricting, then
// becomes the tool. Runs in a process of its own with one thread.
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

#include "guard/sandbox.h"
#include "guard/sandbox/landlock.h"
#include "guard/sandbox/launch_spec.h"
#include "guard/sandbox/seccomp_filter.h"
#include "guard/sandbox/system_paths.h"

namespace plinth::guard {
namespace {

constexpr rlim_t kOpenFilesMax = 256;

Error failed(std::string_view what) {
  return make_error(ErrorCode::sandbox_unavailable,
                    std::string(what) + ": " + std::system_category().message(errno));
}

Result<std::string> read_instructions() {
  std::string text;
  std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t count = ::read(kLaunchSpecDescriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("read descriptor 3");
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(count));
    if (text.size() > kLaunchSpecBytesMax) {
      return make_error(ErrorCode::too_large, "the instructions exceed 1 MiB");
    }
  }
}

Status limit(int resource, uint64_t value, std::string_view name) {
  const rlimit both{value, value};
  if (::setrlimit(static_cast<__rlimit_resource>(resource), &both) != 0) return failed(name);
  return ok();
}

Status apply_rlimits(const LaunchSpec& spec) {
  TRY(limit(RLIMIT_CORE, 0, "RLIMIT_CORE"));
  TRY(limit(RLIMIT_NOFILE, kOpenFilesMax, "RLIMIT_NOFILE"));
  TRY(limit(RLIMIT_CPU, spec.cpu_seconds_max, "RLIMIT_CPU"));
  TRY(limit(RLIMIT_FSIZE, spec.file_bytes_max, "RLIMIT_FSIZE"));
  if (spec.processes_max > 0) TRY(limit(RLIMIT_NPROC, spec.processes_max, "RLIMIT_NPROC"));
  return limit(RLIMIT_AS, spec.memory_bytes_max, "RLIMIT_AS");
}

LandlockRules landlock_rules(const LaunchSpec& spec) {
  LandlockRules rules;
  if (!spec.argv.empty()) rules.programs.push_back(spec.argv.front());
  rules.read_only = spec.read_only_paths;
  rules.writable = spec.writable_paths;
  rules.optional_paths.assign(kSystemFolders.begin(), kSystemFolders.end());
  rules.optional_paths.insert(rules.optional_paths.end(), kSystemFiles.begin(), kSystemFiles.end());
  rules.optional_paths.emplace_back("/proc/self");
  rules.optional_files.assign(kDevices.begin(), kDevices.end());
  return rules;
}

Status apply_layers(const LaunchSpec& spec) {
  if (::syscall(SYS_close_range, kLaunchSpecDescriptor, ~0u, 0) != 0) return failed("close_range");
  if (spec.tries_user_namespace && ::unshare(CLONE_NEWUSER) != 0) {
    return failed("unshare(CLONE_NEWUSER)");
  }
  if (!spec.working_folder.empty() && ::chdir(spec.working_folder.c_str()) != 0) {
    return failed("chdir to '" + spec.working_folder + "'");
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("no_new_privs");
  if (spec.has_landlock) TRY(apply_landlock(landlock_rules(spec)));
  if (spec.has_rlimits) TRY(apply_rlimits(spec));
  if (spec.has_seccomp) TRY(apply_seccomp(spec.has_own_pids));
  return ok();
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

Status launch() {
  const std::string text = TRY(read_instructions());
  const Json json = TRY(Json::parse(text));
  LaunchSpec spec = TRY(LaunchSpec::from_json(json));
  // Built before the limits hold: nothing is allocated after them.
  std::vector<std::string> variables;
  for (const auto& [name, value] : spec.environment) variables.push_back(name + "=" + value);
  std::vector<char*> environment = pointers(variables);
  std::vector<char*> argv = pointers(spec.argv);
  TRY(apply_layers(spec));
  if (spec.argv.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, kLauncherReady.data(), kLauncherReady.size());
    if (written < 0) return failed("write");
    return ok();
  }
  ::execve(argv[0], argv.data(), environment.data());
  return failed("cannot start '" + spec.argv.front() + "'");
}

}  // namespace

int sandbox_exec_main() {
  const Status launched = launch();
  if (launched.is_ok()) return 0;
  const std::string line = std::string(kLauncherErrorPrefix) + launched.error().message + "\n";
  const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  return written < 0 ? kLauncherFailed + 1 : kLauncherFailed;
}

}  // namespace plinth::guard
