// SPDX-License-Identifier: Apache-2.0
// Landlock: the kernel's own fence around the files, TCP ports and signals of a process and its
// children.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace plinth::guard {

struct LandlockRules {
  std::vector<std::string> programs;        // read and execute
  std::vector<std::string> read_only;       // read
  std::vector<std::string> writable;        // read, write, make and remove files and folders
  std::vector<std::string> optional_paths;  // programs that need not exist on this machine
  std::vector<std::string>
      optional_files;  // read, and write to devices like /dev/null; need not exist
};

// 0 when the kernel has no Landlock or it is switched off.
int landlock_abi();

// Confines the calling thread and what it starts. Needs no_new_privs. All TCP is refused (ABI 4 and
// later), as are signals and abstract sockets to the outside (ABI 6 and later). Errors:
// sandbox_unavailable, not_found.
Status apply_landlock(const LandlockRules& rules);

}  // namespace plinth::guard
