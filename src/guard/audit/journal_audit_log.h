// SPDX-License-Identifier: Apache-2.0
// The audit log over a journal: one chain per tenant, and one thread that writes grouped entries in
// time.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/ids.h"
#include "base/mutex.h"
#include "guard/audit.h"
#include "guard/audit/tenant_log.h"

namespace plinth::guard {

// A power loss can take at most this much of what was recorded as grouped.
inline constexpr std::chrono::milliseconds kGroupWindow{50};

class JournalAuditLog final : public AuditLog {
 public:
  JournalAuditLog(store::Journal& journal, const Clock& clock, Random& random);
  ~JournalAuditLog() override;  // writes what is queued

  Result<AuditEntry> record(const std::string& tenant, Json record, AuditUrgency urgency) override;
  Status record_grouped(const std::string& tenant, std::string id, std::string canonical) override;
  Result<std::vector<AuditEntry>> read(const std::string& tenant, uint64_t from,
                                       size_t limit) const override;
  Result<std::vector<AuditEntry>> latest(const std::string& tenant, size_t limit) const override;
  Result<AuditEntry> find(const std::string& tenant, const std::string& id) const override;
  Result<AuditProof> verify(const std::string& tenant) const override;
  Status flush() override;

 private:
  static constexpr size_t kTenantsMax = 10'000;
  // A queue this long is written without waiting for the window to end.
  static constexpr size_t kUrgentQueue = TenantLog::kQueueMax / 2;

  // When the writer has to write, from the least to the most urgent.
  enum class Due : uint8_t { never, within_window, at_once };

  Result<TenantLog*> log_of(const std::string& tenant) const;
  Result<TenantLog*> flushed_log_of(const std::string& tenant) const;
  void call_writer(Due due) EXCLUDES(mutex_);
  void write_groups();
  bool wait_for_work() EXCLUDES(mutex_);  // false when the log is being closed
  void pause_after_failure() EXCLUDES(mutex_);

  store::Journal& journal_;
  mutable IdSource ids_;

  mutable Mutex mutex_;
  Condition changed_;
  mutable std::map<std::string, std::unique_ptr<TenantLog>> logs_ GUARDED_BY(mutex_);
  Due due_ GUARDED_BY(mutex_) = Due::never;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  std::thread writer_;
};

}  // namespace plinth::guard
