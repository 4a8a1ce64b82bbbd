// SPDX-License-Identifier: Apache-2.0
// The audit log: every decision is an entry chained by hash to the one before it, kept in the
// journal. A chain head over N entries proves all N: changing, dropping or reordering one changes
// every later hash.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/mutex.h"
#include "base/result.h"
#include "store/journal.h"

namespace plinth::guard {

struct AuditEntry {
  uint64_t index = 0;  // 0, 1, 2 … in the tenant's log
  std::string id;      // "dec_…"
  Json record;       // principal, action, resource, facts' digest, label, effect, policies, reason,
                     // time, run
  std::string hash;  // hex SHA-256 over (previous hash, canonical record)
  std::string previous;
};

struct AuditProof {
  bool is_intact = false;
  uint64_t entries = 0;
  std::string head;            // hash of the last entry
  std::string first_mismatch;  // what is wrong, when not intact
};

enum class AuditUrgency : uint8_t { durable_first, grouped };

class AuditLog {
 public:
  virtual ~AuditLog() = default;
  // durable_first blocks until on disk; grouped returns at once and is written within kGroupWindow.
  virtual Result<AuditEntry> record(const std::string& tenant, Json record,
                                    AuditUrgency urgency) = 0;
  // The same, grouped, for a record that is canonical JSON already; `id` stands in it.
  virtual Status record_grouped(const std::string& tenant, std::string id,
                                std::string canonical) = 0;
  virtual Result<std::vector<AuditEntry>> read(const std::string& tenant, uint64_t from,
                                               size_t limit) const = 0;
  virtual Result<std::vector<AuditEntry>> latest(const std::string& tenant, size_t limit) const = 0;
  virtual Result<AuditEntry> find(const std::string& tenant, const std::string& id) const = 0;
  // Recomputes the whole chain from the journal. Flushes grouped entries first.
  virtual Result<AuditProof> verify(const std::string& tenant) const = 0;
  virtual Status flush() = 0;
};

}  // namespace plinth::guard
