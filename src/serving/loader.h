// SPDX-License-Identifier: Apache-2.0
// From a ModelSpec to a replica: placement first, then loading. Blocks for as long as loading
// takes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "serving/replicas/replica.h"
#include "serving/serving.h"

namespace plinth::serving {

struct LoadedReplica {
  std::unique_ptr<Replica> replica;
  std::string detail;         // where it was placed and why
  uint64_t memory_bytes = 0;  // that placement counted
  bool is_local = true;
  bool has_prefix_cache = false;
  std::vector<std::string> adapters;  // their names
};

// memory_bytes_used: what placement counted for the models already here, for
// options.memory_bytes_max.
Result<LoadedReplica> load_replica(const ServingOptions& options, const ModelSpec& spec,
                                   const std::string& replica_id, uint64_t memory_bytes_used);

}  // namespace plinth::serving
