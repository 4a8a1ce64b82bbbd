// SPDX-License-Identifier: Apache-2.0
// The adapters a loaded model has now. Thread-safe; what a sequence has resolved stays with it,
// whatever is unloaded meanwhile.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "engine/engine.h"
#include "engine/models/lora.h"

namespace plinth::engine {

inline constexpr size_t kAdaptersMax = 256;  // loaded at a time
inline constexpr size_t kAdaptersPerSequenceMax = 8;
inline constexpr float kAdapterScaleMax = 100;

class AdapterTable {
 public:
  // Error: overloaded.
  Result<AdapterId> add(std::shared_ptr<const Adapter> adapter) EXCLUDES(mutex_);
  // Error: not_found.
  Status remove(AdapterId id) EXCLUDES(mutex_);
  // Error: invalid_argument names what is wrong with "adapters".
  Result<AdapterSet> resolve(const std::vector<AdapterUse>& uses) const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  AdapterId next_id_ GUARDED_BY(mutex_) = 1;
  std::map<AdapterId, std::shared_ptr<const Adapter>> adapters_ GUARDED_BY(mutex_);
};

}  // namespace plinth::engine
