// SPDX-License-Identifier: Apache-2.0
// File access as a seam, for the files Plinth itself owns (VERSION, locks, keys, blobs). Tests
// replace it to inject faults. Every call blocks; none belongs on an event loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace plinth {

// Holds an exclusive lock on a file until destroyed.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class Disk {
 public:
  static constexpr uint64_t kFileBytesMax = 256u << 20;

  virtual ~Disk() = default;
  virtual Result<std::string> read_file(const std::string& path) const = 0;  // not_found, too_large
  // Temporary file + fsync + rename + fsync of the folder: after ok, the content survives power
  // loss.
  virtual Status write_file_atomic(const std::string& path, std::string_view bytes, int mode) = 0;
  // Makes what is missing, with this mode; the last folder, found or made, allows no more than it.
  virtual Status create_folders(const std::string& path, int mode) = 0;
  virtual Status remove_file(const std::string& path) = 0;
  virtual bool exists(const std::string& path) const = 0;
  virtual Result<std::vector<std::string>> list(
      const std::string& path) const = 0;  // names, sorted
  // already_exists when another process holds it.
  virtual Result<std::unique_ptr<FileLock>> lock_file(const std::string& path) = 0;
};

class SystemDisk final : public Disk {
 public:
  Result<std::string> read_file(const std::string& path) const override;
  Status write_file_atomic(const std::string& path, std::string_view bytes, int mode) override;
  Status create_folders(const std::string& path, int mode) override;
  Status remove_file(const std::string& path) override;
  bool exists(const std::string& path) const override;
  Result<std::vector<std::string>> list(const std::string& path) const override;
  Result<std::unique_ptr<FileLock>> lock_file(const std::string& path) override;
};

}  // namespace plinth
