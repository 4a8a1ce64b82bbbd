// SPDX-License-Identifier: Apache-2.0
// The door of the audit log and its writing thread.
#include "guard/audit/journal_audit_log.h"

#include <algorithm>
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
  const auto queued = log->queue(std::move(id), std::move(canonical));
  const bool is_urgent = queued.is_error() || *queued >= kUrgentQueue;
  call_writer(is_urgent ? Due::at_once : Due::within_window);
  if (queued.is_error()) return queued.error();
  return ok();
}

void JournalAuditLog::call_writer(Due due) {
  MutexLock lock(mutex_);
  // The writer that knows as much already need not be woken again.
  if (due <= due_) return;
  due_ = due;
  changed_.notify_all();
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
  bool is_open = true;
  while (is_open) {
    is_open = wait_for_work();
    const Status flushed = flush();
    if (flushed.is_ok()) continue;
    // What could not be written stays queued; the next window tries again.
    log_event(LogLevel::error, "audit.write_failed", {{"cause", flushed.error().message}});
    pause_after_failure();
  }
}

bool JournalAuditLog::wait_for_work() {
  MutexLock lock(mutex_);
  while (due_ == Due::never && !is_stopping_) changed_.wait(mutex_);
  const auto until = std::chrono::steady_clock::now() + kGroupWindow;
  while (due_ != Due::at_once && !is_stopping_ && std::chrono::steady_clock::now() < until) {
    changed_.wait_for(mutex_, until - std::chrono::steady_clock::now());
  }
  due_ = Due::never;
  return !is_stopping_;
}

// Nobody's call shortens it: a full queue in front of a broken disk would try without a pause.
void JournalAuditLog::pause_after_failure() {
  MutexLock lock(mutex_);
  due_ = std::max(due_, Due::within_window);
  const auto until = std::chrono::steady_clock::now() + kRetryPause;
  while (!is_stopping_ && std::chrono::steady_clock::now() < until) {
    changed_.wait_for(mutex_, until - std::chrono::steady_clock::now());
  }
}

}  // namespace plinth::guard
