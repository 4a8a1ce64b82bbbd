// SPDX-License-Identifier: Apache-2.0
// Memory and CPU time this process may use: the machine's, narrowed by the cgroups it runs in (v1
// and v2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace plinth::cluster {

struct MachineMemory {
  uint64_t bytes_total = 0;  // the smaller of RAM and the tightest cgroup limit
  uint64_t bytes_free = 0;   // what can be had without swapping
};

// Text files below `root` ("/" or a test's folder): proc/meminfo, proc/self/cgroup, sys/fs/cgroup/…
Result<MachineMemory> read_memory(const std::string& root);
// Cores' worth of CPU time per period, over all enclosing cgroups; nullopt: no quota.
std::optional<double> read_cpu_quota(const std::string& root);

}  // namespace plinth::cluster
