// SPDX-License-Identifier: Apache-2.0
// Blobs: immutable bytes named by their SHA-256.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace plinth::store {

inline constexpr size_t kBlobBytesMax = 64u << 20;

class Blobs {
 public:
  virtual ~Blobs() = default;
  virtual Result<std::string> put(const std::string& tenant,
                                  std::string_view bytes) = 0;  // hex digest; durable
  virtual Result<std::string> get(const std::string& tenant, const std::string& digest) const = 0;
};

}  // namespace plinth::store
