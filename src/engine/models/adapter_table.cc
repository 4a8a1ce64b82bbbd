// SPDX-License-Identifier: Apache-2.0
#include "engine/models/adapter_table.h"

namespace plinth::engine {

Result<AdapterId> AdapterTable::add(std::shared_ptr<const Adapter> adapter) {
  MutexLock lock(mutex_);
  if (adapters_.size() >= kAdaptersMax) {
    return make_error(ErrorCode::overloaded, std::to_string(kAdaptersMax) +
                                                 " adapters are loaded, which is the most; unload "
                                                 "one first");
  }
  const AdapterId id = next_id_++;
  adapters_.emplace(id, std::move(adapter));
  return id;
}

Status AdapterTable::remove(AdapterId id) {
  std::shared_ptr<const Adapter> removed;  // freed without the lock
  MutexLock lock(mutex_);
  const auto found = adapters_.find(id);
  if (found == adapters_.end()) {
    return make_error(ErrorCode::not_found, "no adapter " + std::to_string(id) + " is loaded");
  }
  removed = std::move(found->second);
  adapters_.erase(found);
  return ok();
}

Result<AdapterSet> AdapterTable::resolve(const std::vector<AdapterUse>& uses) const {
  const auto refused = [](const std::string& cause) {
    return make_error(ErrorCode::invalid_argument, "adapters: " + cause, "adapters");
  };
  if (uses.size() > kAdaptersPerSequenceMax) {
    return refused(std::to_string(uses.size()) + " are more than the " +
                   std::to_string(kAdaptersPerSequenceMax) + " of one sequence");
  }
  AdapterSet set;
  MutexLock lock(mutex_);
  for (const AdapterUse& use : uses) {
    const auto found = adapters_.find(use.id);
    if (found == adapters_.end()) return refused("no adapter " + std::to_string(use.id));
    if (!(use.scale >= -kAdapterScaleMax && use.scale <= kAdapterScaleMax)) {
      return refused("scale " + std::to_string(use.scale) + " is outside -100..100");
    }
    set.applied.push_back({found->second, use.scale});
    set.variant.append(reinterpret_cast<const char*>(&use.id), sizeof(use.id));
    set.variant.append(reinterpret_cast<const char*>(&use.scale), sizeof(use.scale));
  }
  return set;
}

}  // namespace plinth::engine
