// SPDX-License-Identifier: Apache-2.0
// The door of the audit log and its writing thread.
#include "guard/audit/journal_audit_log.h"

#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace plinth::guard {
namespace {

constexpr std::chrono::milliseconds kRetryPause{500};

Error too_large() { return make_error(ErrorCode::too_large, "an audit record has at most 64 KiB"); }

}  // namespace

JournalAuditLog::JournalAuditLog(store::Journal& journal, const Clock& clock, Random& random)
    : journal_(journal), ids_(clock, random), writer_([this] { write_groups(); }) {}

JournalAuditLog::~JournalAuditLog() {
  {
    MutexLock lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  writer_.join();
}

Result<AuditEntry> JournalAuditLog::record(const std::string& tenant, Json record,
                                           AuditUrgency urgency) {
  AuditEntry entry;
  entry.id = record["id"].as_string();
  if (entry.id.empty()) entry.id = ids_.make("dec");
  record.set("id", entry.id);
  if (record.dump().size() > TenantLog::kRecordBytesMax) {
    return too_large();
  }
  entry.record = std::move(record);
  if (urgency == AuditUrgency::durable_first) {
    TenantLog* log = TRY(log_of(tenant));
    return log->write(std::move(entry));
  }
  TRY(record_grouped(tenant, entry.id, entry.record.canonical()));
  return entry;
}

Status JournalAuditLog::record_grouped(const std::string& tenant, std::string id,
                                       std::string canonical) {
  if (canonical.size() > TenantLog::kRecordBytesMax) return too_large();
  TenantLog* log = TRY(log_of(tenant));
  TRY(log->queue(std::move(id), std::move(canonical)));
  MutexLock lock(mutex_);
  // The writer that waits for its window to end need not be woken again.
  if (!std::exchange(has_grouped_, true)) changed_.notify_all();
  return ok();
}

Result<TenantLog*> JournalAuditLog::log_of(const std::string& tenant) const {
  MutexLock lock(mutex_);
  const auto found = logs_.find(tenant);
  if (found != logs_.end()) return found->second.get();
  if (logs_.size() >= kTenantsMax) {
    return make_error(ErrorCode::overloaded, "more than 10000 tenants have an audit log here");
  }
  auto log = std::make_unique<TenantLog>(journal_, ids_, tenant);
  return logs_.emplace(tenant, std::move(log)).first->second.get();
}

Result<TenantLog*> JournalAuditLog::flushed_log_of(const std::string& tenant) const {
  TenantLog* log = TRY(log_of(tenant));
  TRY(log->flush());
  return log;
}

Result<std::vector<AuditEntry>> JournalAuditLog::read(const std::string& tenant, uint64_t from,
                                                      size_t limit) const {
  TenantLog* log = TRY(flushed_log_of(tenant));
  return log->read(from, limit);
}

Result<std::vector<AuditEntry>> JournalAuditLog::latest(const std::string& tenant,
                                                        size_t limit) const {
  TenantLog* log = TRY(flushed_log_of(tenant));
  return log->latest(limit);
}

Result<AuditEntry> JournalAuditLog::find(const std::string& tenant, const std::string& id) const {
  TenantLog* log = TRY(flushed_log_of(tenant));
  return log->find(id);
}

Result<AuditProof> JournalAuditLog::verify(const std::string& tenant) const {
  TenantLog* log = TRY(log_of(tenant));
  const Status flushed = log->flush();
  // A damaged log cannot be continued; what is wrong with it is still to be told.
  if (flushed.is_error() && flushed.error().code != ErrorCode::corrupt) return flushed.error();
  return log->verify();
}

Status JournalAuditLog::flush() {
  std::vector<TenantLog*> logs;
  {
    MutexLock lock(mutex_);
    for (const auto& [tenant, log] : logs_) logs.push_back(log.get());
  }
  Status result = ok();
  for (TenantLog* log : logs) {
    const Status flushed = log->flush();
    if (flushed.is_error()) result = flushed;
  }
  return result;
}

void JournalAuditLog::write_groups() {
  bool is_last_round = false;
  while (!is_last_round) {
    {
      MutexLock lock(mutex_);
      while (!has_grouped_ && !is_stopping_) changed_.wait(mutex_);
      const auto until = std::chrono::steady_clock::now() + kGroupWindow;
      while (!is_stopping_ && std::chrono::steady_clock::now() < until) {
        changed_.wait_for(mutex_, until - std::chrono::steady_clock::now());
      }
      has_grouped_ = false;
      is_last_round = is_stopping_;
    }
    const Status flushed = flush();
    if (flushed.is_ok()) continue;
    // What could not be written stays queued; the next window tries again.
    log_event(LogLevel::error, "audit.write_failed", {{"cause", flushed.error().message}});
    MutexLock lock(mutex_);
    has_grouped_ = true;
    if (!is_stopping_) changed_.wait_for(mutex_, kRetryPause);
  }
}

}  // namespace plinth::guard
