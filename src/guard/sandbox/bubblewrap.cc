// SPDX-License-Identifier: Apache-2.0
// Building bubblewrap's command line from what this machine has.
#include "guard/sandbox/bubblewrap.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <tuple>
#include <utility>

#include "guard/sandbox/launch_spec.h"
#include "guard/sandbox/system_paths.h"

namespace plinth::guard {
namespace {

namespace fs = std::filesystem;

void append(std::vector<std::string>& argv, std::initializer_list<std::string> words) {
  argv.insert(argv.end(), words);
}

// /bin is a folder on some systems and a link to usr/bin on others.
void bind_system(std::vector<std::string>& argv) {
  for (const std::string path : kSystemFolders) {
    std::error_code error;
    if (fs::is_symlink(path, error)) {
      append(argv, {"--symlink", fs::read_symlink(path, error).string(), path});
    } else if (fs::is_directory(path, error)) {
      append(argv, {"--ro-bind", path, path});
    }
  }
  for (const std::string path : kSystemFiles) append(argv, {"--ro-bind-try", path, path});
}

// Outer folders first, so that a folder inside another keeps its own kind.
void bind_paths(std::vector<std::string>& argv, const BubblewrapSpec& spec) {
  std::vector<std::pair<std::string, std::string>> binds = {{spec.launcher, "--ro-bind"}};
  for (const std::string& path : spec.read_only_paths) binds.emplace_back(path, "--ro-bind");
  for (const std::string& path : spec.writable_paths) binds.emplace_back(path, "--bind");
  std::ranges::sort(binds, {},
                    [](const auto& bind) { return std::tuple(bind.first.size(), bind); });
  for (const auto& [path, how] : binds) append(argv, {how, path, path});
}

}  // namespace

std::vector<std::string> bubblewrap_argv(const BubblewrapSpec& spec) {
  std::vector<std::string> argv = {spec.bubblewrap,
                                   "--unshare-all",
                                   "--die-with-parent",
                                   "--new-session",
                                   "--cap-drop",
                                   "ALL",
                                   "--clearenv",
                                   "--setenv",
                                   std::string(kLauncherMark),
                                   "1",
                                   "--hostname",
                                   "sandbox"};
  bind_system(argv);
  if (spec.has_proc) append(argv, {"--proc", "/proc"});
  append(argv, {"--dev", "/dev"});
  append(argv, {"--size", std::to_string(spec.scratch_bytes_max), "--tmpfs", "/tmp"});
  bind_paths(argv, spec);
  append(argv, {"--remount-ro", "/"});
  append(argv, {"--chdir", spec.working_folder, "--", spec.launcher, "sandbox-exec"});
  return argv;
}

std::string find_bubblewrap() {
  // Not by PATH: whoever sets a PATH must not choose the sandbox.
  for (const std::string path : {"/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap"}) {
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

}  // namespace plinth::guard
