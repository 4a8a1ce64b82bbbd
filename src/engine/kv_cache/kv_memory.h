// SPDX-License-Identifier: Apache-2.0
// The blocks' keys and values where a backend holds them; the cache knows blocks by number only.
#pragma once

namespace plinth::engine {

class KvMemory {
 public:
  KvMemory() = default;
  KvMemory(const KvMemory&) = delete;
  KvMemory& operator=(const KvMemory&) = delete;
  virtual ~KvMemory() = default;
};

}  // namespace plinth::engine
