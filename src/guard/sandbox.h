// SPDX-License-Identifier: Apache-2.0
// The sandbox a tool's process runs in, by named profile, and which layers this machine offers.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/process.h"
#include "base/result.h"

namespace plinth::guard {

enum class SandboxProfile : uint8_t { full, reduced, none };
std::string_view profile_name(SandboxProfile profile);

struct SandboxLayer {
  std::string
      name;  // "user namespaces", "bubblewrap", "seccomp", "landlock", "rlimits", "no_new_privs"
  bool is_available = false;
  std::string detail;  // "ABI 3", or why it is missing
};

struct SandboxReport {
  SandboxProfile in_force = SandboxProfile::none;
  std::vector<SandboxLayer> layers;
  Json to_json() const;
};

// What one confined command may touch.
struct SandboxSpec {
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;
  std::vector<std::string> read_only_paths;  // beyond the system folders needed to start a program
  std::vector<std::string> writable_paths;
  std::string working_folder;
  std::string standard_input;
  std::vector<std::string>
      allowed_hosts;                    // host:port, through the egress broker; empty: no network
  bool needs_shell_or_network = false;  // refused under `reduced`
  Duration time_max = std::chrono::seconds(10);
  uint64_t memory_bytes_max = 512u << 20;
  uint64_t file_bytes_max = 16u << 20;
  size_t output_bytes_max = 256u << 10;
  int processes_max = 64;
};

class Sandbox {
 public:
  virtual ~Sandbox() = default;
  virtual const SandboxReport& report() const = 0;
  // Blocks until the command ended. sandbox_unavailable when the profile in force may not run it.
  virtual Result<ProcessOutcome> run(const SandboxSpec& spec) = 0;
};

struct SandboxOptions {
  std::string launcher;  // a program that dispatches `sandbox-exec`; empty: this one
  SandboxProfile strongest = SandboxProfile::full;  // use none stronger: to try the weaker ones
};

// Probes the machine once (starts a confined child for every layer) and picks the strongest
// profile.
Result<std::unique_ptr<Sandbox>> create_sandbox(ProcessSupervisor& supervisor,
                                                const SandboxOptions& options = {});

// Entry of the hidden `plinth sandbox-exec` command: applies the layers described by the JSON on
// descriptor 3 to itself, then becomes the tool. Returns only on failure, with the exit code.
int sandbox_exec_main();

}  // namespace plinth::guard
