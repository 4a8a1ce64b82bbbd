// SPDX-License-Identifier: Apache-2.0
// One model of this node: its replicas, its door, its status. Guarded by the lock of Calls.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "serving/admission/admission.h"
#include "serving/replicas/replica.h"
#include "serving/router/ledger.h"
#include "serving/serving.h"

namespace plinth::serving {

inline constexpr size_t kReplicasMax = 64;  // of one model
inline constexpr size_t kModelsMax = 1024;

struct ReplicaEntry {
  ReplicaEntry(std::unique_ptr<Replica> loaded, bool has_prefix_cache)
      : replica(std::move(loaded)), ledger(has_prefix_cache) {}
  std::unique_ptr<Replica> replica;  // never replaced: its methods may be called without the lock
  ReplicaLedger ledger;
};

struct Model {
  explicit Model(const decisions::AdmitLimits& limits) : admission(limits) {}

  std::string name;
  ReplicaKind kind = ReplicaKind::native;
  bool is_local = true;  // prompts stay on this machine
  bool is_embedder = false;
  std::string failure;  // why it could not be loaded; empty: ready
  std::string detail;
  Json summary = Json::object();
  WallTime since;
  uint64_t memory_bytes = 0;          // that placement counted
  double output_tokens_mean = 256;    // of a reply; learned
  std::vector<std::string> adapters;  // names; "MODEL:NAME" is answered by the same replicas
  std::vector<std::unique_ptr<ReplicaEntry>> replicas;
  Admission admission;
};

ModelStatus status_of(const Model& model);
ModelStatus status_of_adapter(const Model& model, const std::string& adapter);
std::string_view replica_kind_name(ReplicaKind kind);

}  // namespace plinth::serving
