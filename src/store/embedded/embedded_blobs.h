// SPDX-License-Identifier: Apache-2.0
// Blobs as files: blobs/TENANT/AA/DIGEST, each one sealed entry whose place is the digest.
#pragma once

#include <string>

#include "base/disk.h"
#include "store/blobs.h"
#include "store/embedded/committer.h"
#include "store/embedded/key_ring.h"

namespace plinth::store {

class EmbeddedBlobs final : public Blobs {
 public:
  struct Parts {
    std::string folder;
    Disk& disk;
    Committer& committer;
    KeyRing& keys;
    const Clock& clock;
  };
  explicit EmbeddedBlobs(Parts parts) : parts_(std::move(parts)) {}

  // Errors: too_large, invalid_argument, io_failed.
  Result<std::string> put(const std::string& tenant, std::string_view bytes) override;
  // Errors: not_found, corrupt, invalid_argument, io_failed.
  Result<std::string> get(const std::string& tenant, const std::string& digest) const override;

 private:
  class EnsureKey;

  std::string folder_of(const std::string& tenant, const std::string& digest) const;

  Parts parts_;
};

}  // namespace plinth::store
