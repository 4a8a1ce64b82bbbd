// SPDX-License-Identifier: Apache-2.0
// The blocks' keys and values where a backend holds them; the cache knows blocks by number only.
#pragma once

#include <utility>

#include "engine/kv_cache/kv_plan.h"

namespace plinth::engine {

class KvMemory {
 public:
  // What it was allocated for.
  explicit KvMemory(KvPlan plan) : plan_(std::move(plan)) {}
  KvMemory(const KvMemory&) = delete;
  KvMemory& operator=(const KvMemory&) = delete;
  virtual ~KvMemory() = default;

  const KvPlan& plan() const { return plan_; }

 private:
  const KvPlan plan_;
};

}  // namespace plinth::engine
