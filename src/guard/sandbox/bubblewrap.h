// SPDX-License-Identifier: Apache-2.0
// The command line of bubblewrap for one confined command.
#pragma once

#include <string>
#include <vector>

namespace plinth::guard {

struct BubblewrapSpec {
  std::string bubblewrap;  // path of bwrap
  std::string launcher;    // program started inside, as `LAUNCHER sandbox-exec`
  std::vector<std::string> read_only_paths;
  std::vector<std::string> writable_paths;
  std::string working_folder = "/tmp";
  uint64_t scratch_bytes_max = 16u << 20;  // size of the private /tmp
  bool has_proc = true;
};

// New namespaces of every kind, no network, no capabilities, a root with the system folders
// read-only, a private /tmp, and the given paths at their own places.
std::vector<std::string> bubblewrap_argv(const BubblewrapSpec& spec);

// Path of bwrap in one of the system's folders; empty when it is not installed.
std::string find_bubblewrap();

}  // namespace plinth::guard
