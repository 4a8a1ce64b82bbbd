// SPDX-License-Identifier: Apache-2.0
// The data folder: which format it has, who holds it, and the master key.
#pragma once

#include <memory>
#include <string>

#include "base/disk.h"
#include "base/random.h"
#include "base/result.h"
#include "store/embedded/entry.h"

namespace plinth::store {

inline constexpr int kDataFormat = 1;

class DataFolder {
 public:
  // Locks the folder, checks or writes VERSION, reads or makes the master key.
  // Errors: already_exists (locked), unsupported (newer format), corrupt, io_failed.
  static Result<DataFolder> open(const std::string& path, Disk& disk, Random& random);

  std::string database() const { return path_ + "/db"; }
  std::string blobs() const { return path_ + "/blobs"; }
  const SecretKey& master_key() const { return master_key_; }

 private:
  DataFolder(std::string path, std::unique_ptr<FileLock> lock, const SecretKey& master_key)
      : path_(std::move(path)), lock_(std::move(lock)), master_key_(master_key) {}

  std::string path_;
  std::unique_ptr<FileLock> lock_;
  SecretKey master_key_;
};

}  // namespace plinth::store
