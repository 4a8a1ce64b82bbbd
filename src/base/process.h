// SPDX-License-Identifier: Apache-2.0
// Child processes as a seam: run one to its end within a time and output limit, or keep one running
// and watch it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace plinth {

struct ProcessSpec {
  std::vector<std::string> argv;  // argv[0] is a path or found in PATH of the parent
  std::map<std::string, std::string>
      environment;             // the whole environment of the child; nothing is inherited
  std::string working_folder;  // empty: the parent's
  std::string standard_input;  // bytes written to the child's stdin, then closed
  std::vector<std::pair<int, std::string>>
      extra_inputs;  // fd number (>= 3) in the child -> bytes it can read there
  Duration time_max = std::chrono::seconds(30);  // then SIGKILL of the whole process group
  size_t output_bytes_max = 1u << 20;            // per stream; more is dropped and flagged
};

struct ProcessOutcome {
  int exit_code = -1;  // valid when !is_signaled
  int signal = 0;      // valid when is_signaled
  bool is_signaled = false;
  bool is_timed_out = false;
  bool is_output_cut = false;
  std::string standard_output;
  std::string standard_error;
};

class ProcessSupervisor {
 public:
  virtual ~ProcessSupervisor() = default;
  // Blocks until the child ended and was reaped. All descriptors but 0, 1, 2 and extra_inputs are
  // closed in the child; it runs in its own process group and dies with this process
  // (PR_SET_PDEATHSIG). The kernel ties the child to the calling *thread*, so call from threads
  // that last (WorkerPool). When the child ends, what it left of its process group is killed.
  // Errors: not_found (no such program), invalid_argument, io_failed.
  virtual Result<ProcessOutcome> run(const ProcessSpec& spec) = 0;
};

class SystemProcessSupervisor final : public ProcessSupervisor {
 public:
  Result<ProcessOutcome> run(const ProcessSpec& spec) override;
};

// Absolute path of this program, for children that re-enter it (the sandbox launcher).
Result<std::string> own_program_path();

}  // namespace plinth
