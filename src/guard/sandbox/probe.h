// SPDX-License-Identifier: Apache-2.0
// Which layers hold on this machine: each is tried in a child, none is assumed.
#pragma once

#include <string>

#include "base/process.h"
#include "guard/sandbox.h"
#include "guard/sandbox/launch_spec.h"

namespace plinth::guard {

struct Machine {
  SandboxReport report;
  std::string launcher;
  std::string bubblewrap;
  bool has_proc = true;  // bubblewrap may mount a new /proc
  bool has_landlock = false;
};

Machine probe_machine(ProcessSupervisor& supervisor, const std::string& launcher);

// One child started as `LAUNCHER sandbox-exec`, directly or (argv not empty) by another program.
Result<ProcessOutcome> run_launcher(ProcessSupervisor& supervisor, ProcessSpec process,
                                    const LaunchSpec& launch);

}  // namespace plinth::guard
