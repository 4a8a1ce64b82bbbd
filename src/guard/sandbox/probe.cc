// SPDX-License-Identifier: Apache-2.0
// Trial runs of every layer.
#include "guard/sandbox/probe.h"

#include <cstdlib>
#include <utility>

#include "base/text.h"
#include "guard/sandbox/bubblewrap.h"
#include "guard/sandbox/landlock.h"

namespace plinth::guard {
namespace {

constexpr std::chrono::seconds kProbeTimeMax{5};

LaunchSpec bare() {
  LaunchSpec spec;
  spec.has_landlock = false;
  spec.has_seccomp = false;
  spec.has_rlimits = false;
  spec.cpu_seconds_max = 5;
  spec.memory_bytes_max = 4ull << 30;
  spec.file_bytes_max = 1u << 20;
  return spec;
}

ProcessSpec launcher_process(std::vector<std::string> argv) {
  ProcessSpec process;
  process.argv = std::move(argv);
  process.environment[std::string(kLauncherMark)] = "1";
  process.time_max = kProbeTimeMax;
  process.output_bytes_max = 16u << 10;
  return process;
}

// Why a trial failed; empty when the launcher said it is ready.
std::string failure_of(const Result<ProcessOutcome>& outcome) {
  if (outcome.is_error()) return outcome.error().message;
  if (!outcome->is_signaled && outcome->exit_code == 0 &&
      outcome->standard_output == kLauncherReady) {
    return {};
  }
  const std::string said = shorten(trim(outcome->standard_error), 200);
  if (!said.empty()) return said;
  if (outcome->is_timed_out) return "the trial run did not end";
  return "the program did not answer as a launcher";
}

SandboxLayer layer(std::string name, const std::string& failure, std::string detail) {
  return {std::move(name), failure.empty(), failure.empty() ? std::move(detail) : failure};
}

class Prober {
 public:
  Prober(ProcessSupervisor& supervisor, const std::string& launcher)
      : supervisor_(supervisor), launcher_(launcher) {}

  Machine probe() {
    Machine machine;
    machine.launcher = launcher_;
    auto& layers = machine.report.layers;
    LaunchSpec names = bare();
    names.tries_user_namespace = true;
    layers.push_back(layer("user namespaces", trial(names), "a child could make one"));
    layers.push_back(bubblewrap(machine));
    LaunchSpec filter = bare();
    filter.has_seccomp = true;
    layers.push_back(layer("seccomp", trial(filter), "allow-list of system calls"));
    LaunchSpec fence = bare();
    fence.has_landlock = true;
    layers.push_back(layer("landlock", trial(fence), "ABI " + std::to_string(landlock_abi())));
    machine.has_landlock = layers.back().is_available;
    LaunchSpec limits = bare();
    limits.has_rlimits = true;
    layers.push_back(layer("rlimits", trial(limits), limits_detail()));
    layers.push_back(layer("no_new_privs", trial(bare()), "set for every tool"));
    return machine;
  }

 private:
  std::string trial(const LaunchSpec& launch) {
    return failure_of(
        run_launcher(supervisor_, launcher_process({launcher_, "sandbox-exec"}), launch));
  }

  SandboxLayer bubblewrap(Machine& machine) {
    machine.bubblewrap = find_bubblewrap();
    if (machine.bubblewrap.empty()) {
      return {"bubblewrap", false, "bwrap is not installed; install the package bubblewrap"};
    }
    // Some containers forbid a new /proc and allow everything else.
    for (const bool has_proc : {true, false}) {
      BubblewrapSpec spec;
      spec.bubblewrap = machine.bubblewrap;
      spec.launcher = launcher_;
      spec.has_proc = has_proc;
      const std::string failure =
          failure_of(run_launcher(supervisor_, launcher_process(bubblewrap_argv(spec)), bare()));
      if (failure.empty() || !has_proc) {
        machine.has_proc = has_proc;
        return layer("bubblewrap", failure,
                     machine.bubblewrap + (has_proc ? "" : ", without /proc"));
      }
    }
    return {"bubblewrap", false, "unreachable"};
  }

  static std::string limits_detail() {
    return ::geteuid() == 0 ? "cpu, memory, file size, open files; not the number of processes, "
                              "which the kernel does not limit for root"
                            : "cpu, memory, file size, open files, processes";
  }

  ProcessSupervisor& supervisor_;
  const std::string launcher_;
};

bool has(const SandboxReport& report, std::string_view name) {
  for (const SandboxLayer& one : report.layers) {
    if (one.name == name) return one.is_available;
  }
  return false;
}

SandboxProfile strongest(const SandboxReport& report) {
  if (!has(report, "seccomp") || !has(report, "rlimits") || !has(report, "no_new_privs")) {
    return SandboxProfile::none;
  }
  if (has(report, "bubblewrap")) return SandboxProfile::full;
  return has(report, "landlock") ? SandboxProfile::reduced : SandboxProfile::none;
}

}  // namespace

Result<ProcessOutcome> run_launcher(ProcessSupervisor& supervisor, ProcessSpec process,
                                    const LaunchSpec& launch) {
  process.extra_inputs = {{kLaunchSpecDescriptor, launch.to_json().dump()}};
  return supervisor.run(process);
}

Machine probe_machine(ProcessSupervisor& supervisor, const std::string& launcher) {
  if (std::getenv(std::string(kLauncherMark).c_str()) != nullptr) {
    Machine machine;
    machine.launcher = launcher;
    machine.report.layers.push_back(
        {"launcher", false, "this program was started as a launcher and does not act as one"});
    return machine;
  }
  Machine machine = Prober(supervisor, launcher).probe();
  machine.report.in_force = strongest(machine.report);
  return machine;
}

}  // namespace plinth::guard
