// SPDX-License-Identifier: Apache-2.0
// For tests: a folder of its own for each test, removed at its end, and an embedded store that can
// be reopened in it.
#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/log.h"
#include "store/embedded/embedded_store.h"

namespace plinth::store {

class TestFolder {
 public:
  // In RAM where that can be had: opening a store syncs a dozen files, and what a sync is good for
  // only power_loss_test.cc shows, which keeps its own account of it.
  explicit TestFolder(const std::filesystem::path& parent = fastest_parent()) {
    static std::atomic<int> count{0};
    path_ =
        (parent / ("plinth-store-" + std::to_string(::getpid()) + "-" + std::to_string(count++)))
            .string();
    std::filesystem::remove_all(path_);
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  static std::filesystem::path fastest_parent() {
    const char* shared_memory = "/dev/shm";
    return ::access(shared_memory, W_OK) == 0 ? std::filesystem::path(shared_memory)
                                              : std::filesystem::temp_directory_path();
  }

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  // Does any file below the folder contain these bytes?
  bool contains(std::string_view bytes) const {
    for (const auto& file : std::filesystem::recursive_directory_iterator(path_)) {
      if (!file.is_regular_file()) continue;
      std::ifstream in(file.path(), std::ios::binary);
      const std::string content((std::istreambuf_iterator<char>(in)), {});
      if (content.find(bytes) != std::string::npos) return true;
    }
    return false;
  }

 private:
  std::string path_;
};

struct TestParts {
  TestParts() { set_log_level(LogLevel::off); }
  SystemDisk disk;
  ManualClock clock;
  SystemRandom random;
  EmbeddedOptions options(const std::string& folder) {
    return {.folder = folder, .disk = disk, .clock = clock, .random = random, .metrics = nullptr};
  }
};

}  // namespace plinth::store
