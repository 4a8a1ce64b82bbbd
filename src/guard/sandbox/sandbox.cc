// SPDX-License-Identifier: Apache-2.0
// The sandbox's door: checks a command, picks the layers of the profile in force, runs it.
#include "guard/sandbox.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "base/text.h"
#include "guard/sandbox/bubblewrap.h"
#include "guard/sandbox/launch_spec.h"
#include "guard/sandbox/probe.h"

namespace plinth::guard {
namespace {

// bubblewrap answers for its child: 128 + signal.
constexpr int kSignalBase = 128;

// An absolute path without ".." and doubled separators, so that one text means one place.
Status check_path(const std::string& path, std::string_view what) {
  const std::filesystem::path parsed(path);
  if (parsed.is_absolute() && parsed == parsed.lexically_normal()) return ok();
  return make_error(ErrorCode::invalid_argument, "sandbox: " + std::string(what) + " '" +
                                                     shorten(path, 200) +
                                                     "' must be an absolute path without '..'");
}

Status check_spec(const SandboxSpec& spec) {
  if (spec.argv.empty() || spec.argv.front().empty()) {
    return make_error(ErrorCode::invalid_argument, "sandbox: no program given");
  }
  for (const std::string& path : spec.read_only_paths) TRY(check_path(path, "read-only path"));
  for (const std::string& path : spec.writable_paths) TRY(check_path(path, "writable path"));
  if (!spec.working_folder.empty()) TRY(check_path(spec.working_folder, "working folder"));
  if (spec.time_max <= Duration::zero() || spec.memory_bytes_max == 0) {
    return make_error(ErrorCode::invalid_argument, "sandbox: time and memory need a limit above 0");
  }
  if (!spec.allowed_hosts.empty()) {
    return make_error(ErrorCode::sandbox_unavailable,
                      "sandbox: no egress broker is attached, so no host can be allowed; run the "
                      "command without network or use the http tools");
  }
  return ok();
}

// The program's path; a bare name is looked for where the system keeps programs.
Result<std::string> resolve_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    TRY(check_path(name, "program"));
    return name;
  }
  for (const std::string folder : {"/usr/local/bin/", "/usr/bin/", "/bin/"}) {
    const std::string path = folder + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return make_error(ErrorCode::not_found, "sandbox: there is no program '" + shorten(name, 100) +
                                              "' in the system's folders");
}

class LayeredSandbox final : public Sandbox {
 public:
  LayeredSandbox(ProcessSupervisor& supervisor, Machine machine)
      : supervisor_(supervisor), machine_(std::move(machine)) {}

  const SandboxReport& report() const override { return machine_.report; }

  Result<ProcessOutcome> run(const SandboxSpec& spec) override {
    TRY(check_spec(spec));
    TRY(check_profile(spec));
    const LaunchSpec launch = TRY(launch_spec(spec));
    ProcessSpec process;
    process.argv = is_full() ? bubblewrap_argv(bubblewrap_spec(spec, launch))
                             : std::vector<std::string>{machine_.launcher, "sandbox-exec"};
    process.environment[std::string(kLauncherMark)] = "1";
    process.standard_input = spec.standard_input;
    process.time_max = spec.time_max;
    process.output_bytes_max = spec.output_bytes_max;
    ProcessOutcome outcome = TRY(run_launcher(supervisor_, std::move(process), launch));
    TRY(check_launched(outcome));
    if (is_full() && !outcome.is_signaled && outcome.exit_code > kSignalBase) {
      outcome.is_signaled = true;
      outcome.signal = outcome.exit_code - kSignalBase;
    }
    return outcome;
  }

 private:
  bool is_full() const { return machine_.report.in_force == SandboxProfile::full; }

  Status check_profile(const SandboxSpec& spec) const {
    if (machine_.report.in_force == SandboxProfile::none) {
      return make_error(
          ErrorCode::sandbox_unavailable,
          "sandbox: this machine lacks the layers to confine a tool; `plinth nodes here` "
          "lists what is missing");
    }
    if (spec.needs_shell_or_network && !is_full()) {
      return make_error(ErrorCode::sandbox_unavailable,
                        "sandbox: this command needs the full profile (bubblewrap and user "
                        "namespaces); the profile in force is reduced");
    }
    return ok();
  }

  Result<LaunchSpec> launch_spec(const SandboxSpec& spec) const {
    LaunchSpec launch;
    launch.argv = spec.argv;
    launch.argv.front() = TRY(resolve_program(spec.argv.front()));
    launch.environment = spec.environment;
    launch.working_folder = spec.working_folder;
    launch.read_only_paths = spec.read_only_paths;
    launch.writable_paths = spec.writable_paths;
    if (is_full()) launch.writable_paths.emplace_back("/tmp");
    launch.has_landlock = machine_.has_landlock;
    launch.has_own_pids = is_full();
    launch.cpu_seconds_max =
        static_cast<uint64_t>(std::chrono::ceil<std::chrono::seconds>(spec.time_max).count() + 1);
    launch.memory_bytes_max = spec.memory_bytes_max;
    launch.file_bytes_max = spec.file_bytes_max;
    // Without a namespace of its own the limit would count every process of the user; there, no
    // process can be started at all.
    launch.processes_max = is_full() ? static_cast<uint64_t>(std::max(1, spec.processes_max)) : 0;
    return launch;
  }

  BubblewrapSpec bubblewrap_spec(const SandboxSpec& spec, const LaunchSpec& launch) const {
    BubblewrapSpec wrap;
    wrap.bubblewrap = machine_.bubblewrap;
    wrap.launcher = machine_.launcher;
    wrap.read_only_paths = spec.read_only_paths;
    if (launch.argv.front() != machine_.launcher) {
      wrap.read_only_paths.push_back(launch.argv.front());
    }
    wrap.writable_paths = spec.writable_paths;
    if (!spec.working_folder.empty()) wrap.working_folder = spec.working_folder;
    wrap.scratch_bytes_max = std::max<uint64_t>(spec.file_bytes_max, 1u << 20);
    wrap.has_proc = machine_.has_proc;
    return wrap;
  }

  // A failure before the tool ran is an error, not the tool's result. A tool could print the same
  // line and end with the same code: that costs it its own output and nothing else.
  static Status check_launched(const ProcessOutcome& outcome) {
    const std::string_view said = outcome.standard_error;
    const bool is_launcher =
        outcome.exit_code == kLauncherFailed && said.starts_with(kLauncherErrorPrefix);
    const bool is_bubblewrap = outcome.exit_code == 1 && said.starts_with("bwrap: ");
    if (outcome.is_signaled || !(is_launcher || is_bubblewrap)) return ok();
    return make_error(ErrorCode::sandbox_unavailable,
                      "sandbox: the command was not started: " + shorten(trim(said), 400));
  }

  ProcessSupervisor& supervisor_;
  const Machine machine_;
};

}  // namespace

std::string_view profile_name(SandboxProfile profile) {
  switch (profile) {
    case SandboxProfile::full:
      return "full";
    case SandboxProfile::reduced:
      return "reduced";
    case SandboxProfile::none:
      return "none";
  }
  return "none";
}

Json SandboxReport::to_json() const {
  Json list = Json::array();
  for (const SandboxLayer& layer : layers) {
    list.push(Json::object(
        {{"name", layer.name}, {"is_available", layer.is_available}, {"detail", layer.detail}}));
  }
  return Json::object({{"profile", profile_name(in_force)}, {"layers", std::move(list)}});
}

Result<std::unique_ptr<Sandbox>> create_sandbox(ProcessSupervisor& supervisor,
                                                const SandboxOptions& options) {
  const std::string launcher =
      options.launcher.empty() ? TRY(own_program_path()) : options.launcher;
  Machine machine = probe_machine(supervisor, launcher);
  // Profiles are listed from the strongest to the weakest.
  if (options.strongest > machine.report.in_force) {
    const bool can_reduce = machine.has_landlock;
    machine.report.in_force = can_reduce ? options.strongest : SandboxProfile::none;
  }
  return std::make_unique<LayeredSandbox>(supervisor, std::move(machine));
}

}  // namespace plinth::guard
