// SPDX-License-Identifier: Apache-2.0
// The system calls a tool may make: an allow-list kept as data in seccomp_table.cc. Everything else
// fails with EPERM; another architecture's calls (32-bit, x32) end the process.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"

namespace plinth::guard {

enum class CallRule : uint8_t {
  allowed,
  with_own_pids,      // only in a pid namespace of its own: forking, job control
  new_thread,         // clone: never new namespaces; a new process only with own pids
  own_process_first,  // first argument is this process, or anything with own pids
  self_first,         // first argument 0: the caller itself
  unix_first,         // first argument AF_UNIX
  second_listed,      // second argument is one of `values`
  first_listed,       // first argument is one of `values`
  not_implemented,    // ENOSYS: libc then takes the older call that the filter can judge
};

struct CallRow {
  std::string_view name;
  CallRule rule = CallRule::allowed;
  std::span<const uint64_t> values = {};
};

std::span<const CallRow> seccomp_table();

// Applies the filter to the calling thread and all it starts. Needs no_new_privs. Error:
// sandbox_unavailable.
Status apply_seccomp(bool has_own_pids);

}  // namespace plinth::guard
