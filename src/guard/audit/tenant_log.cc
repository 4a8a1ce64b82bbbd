// SPDX-License-Identifier: Apache-2.0
// Writing the audit chain of one tenant.
#include "guard/audit/tenant_log.h"

#include <algorithm>
#include <utility>

#include "base/loop.h"
#include "guard/audit/chain.h"

namespace plinth::guard {
namespace {

constexpr int kAppendTriesMax = 3;
constexpr size_t kBatchEntriesMax = 256;
constexpr size_t kBatchBytesMax = 256u << 10;  // half of what one append may hold

Error queue_full(size_t entries) {
  return make_error(ErrorCode::overloaded,
                    std::to_string(entries) +
                        " audit records of this tenant wait to be written; ask again shortly, and "
                        "when it lasts look at the store's disk and for audit.write_failed in the "
                        "log");
}

}  // namespace

TenantLog::TenantLog(store::Journal& journal, IdSource& ids, std::string tenant)
    : journal_(journal), ids_(ids), stream_{std::move(tenant), "audit", "log"}, head_(kNoHash) {}

Result<AuditEntry> TenantLog::write(AuditEntry entry) {
  auto pending = std::make_shared<Pending>();
  pending->record = entry.record.canonical();
  pending->entry = std::move(entry);
  {
    MutexLock lock(mutex_);
    queue_.push_back(pending);
  }
  MutexLock lock(write_mutex_);
  // Another thread may have written this entry with its own while this one waited.
  if (!pending->is_written) {
    const Status flushed = flush_locked();
    if (!pending->is_written) {
      drop(pending);
      if (flushed.is_error()) return flushed.error();
      return make_error(ErrorCode::io_failed, "the audit entry was not written");
    }
  }
  return pending->entry;
}

Result<size_t> TenantLog::queue(std::string id, std::string canonical) {
  const bool may_block = EventLoop::current() == nullptr;
  if (may_block && queued() >= kQueueMax) TRY(flush());
  auto pending = std::make_shared<Pending>();
  pending->entry.id = std::move(id);
  pending->record = std::move(canonical);
  MutexLock lock(mutex_);
  if (queue_.size() >= (may_block ? 2 * kQueueMax : kQueueMax)) return queue_full(queue_.size());
  queue_.push_back(std::move(pending));
  return queue_.size();
}

Status TenantLog::flush() {
  MutexLock lock(write_mutex_);
  return flush_locked();
}

// Entries leave the queue under write_mutex_ only, so `last` stays in it until it is written here.
Status TenantLog::flush_locked() {
  const PendingPtr last = last_queued();
  int stale_tries = 0;
  while (true) {
    if (must_catch_up_) TRY(catch_up());
    if (last == nullptr || last->is_written) return ok();
    const Status written = write_batch(front_of_queue());
    if (written.is_ok()) {
      stale_tries = 0;
    } else if (written.error().code != ErrorCode::stale || ++stale_tries == kAppendTriesMax) {
      return written;
    }
  }
}

size_t TenantLog::queued() const {
  MutexLock lock(mutex_);
  return queue_.size();
}

TenantLog::PendingPtr TenantLog::last_queued() const {
  MutexLock lock(mutex_);
  return queue_.empty() ? nullptr : queue_.back();
}

// The oldest entries that fit one append.
std::vector<TenantLog::PendingPtr> TenantLog::front_of_queue() const {
  MutexLock lock(mutex_);
  std::vector<PendingPtr> batch;
  size_t bytes = 0;
  for (const PendingPtr& pending : queue_) {
    bytes += pending->record.size() + 512;
    if (!batch.empty() && (bytes > kBatchBytesMax || batch.size() >= kBatchEntriesMax)) break;
    batch.push_back(pending);
  }
  return batch;
}

Status TenantLog::write_batch(const std::vector<PendingPtr>& batch) {
  std::vector<store::Entry> entries;
  std::string head = head_;
  uint64_t index = next_index_;
  for (const PendingPtr& pending : batch) {
    chain_entry(pending->entry, index++, head, pending->record);
    head = pending->entry.hash;
    entries.push_back(store::Entry{"", entry_to_body(pending->entry, pending->record)});
  }
  const std::string append_id = ids_.make("aud");
  auto written = journal_.append(stream_, last_, entries, append_id);
  for (int tries = 1; tries < kAppendTriesMax && written.is_error() &&
                      written.error().code == ErrorCode::outcome_unknown;
       ++tries) {
    written = journal_.append(stream_, last_, entries, append_id);
  }
  if (written.is_error()) {
    must_catch_up_ = true;
    return written.error();
  }
  last_ = *written;
  next_index_ = index;
  head_ = head;
  MutexLock lock(mutex_);
  for (const PendingPtr& pending : batch) {
    pending->is_written = true;
    // The batch was the front of the queue, and hardly anything leaves it otherwise.
    if (!queue_.empty() && queue_.front() == pending) {
      queue_.pop_front();
    } else {
      std::erase(queue_, pending);
    }
  }
  return ok();
}

// Reads what the journal has beyond the known head: entries of an earlier process, of another
// writer, or of an append whose answer was lost. The last are in the queue too and leave it.
Status TenantLog::catch_up() {
  const store::Sequence end = TRY(journal_.last(stream_));
  if (end < last_) {
    return make_error(ErrorCode::corrupt, "the audit log of tenant " + stream_.tenant +
                                              " ends before entries this node has written");
  }
  // With nothing known yet the head alone is enough: no entry of this process can be in the
  // journal.
  if (last_ == store::kBeginning && end != store::kBeginning && next_index_ == 0) last_ = end - 1;
  while (last_ < end) {
    const auto stored = TRY(journal_.read(stream_, last_, store::kReadEntriesMax));
    if (stored.empty()) break;
    for (const store::StoredEntry& item : stored) {
      AuditEntry entry = TRY(entry_from_body(item.body));
      next_index_ = entry.index + 1;
      head_ = entry.hash;
      last_ = item.sequence;
      drop_written(entry.id);
    }
  }
  must_catch_up_ = false;
  return ok();
}

void TenantLog::drop_written(const std::string& id) {
  MutexLock lock(mutex_);
  const auto found = std::ranges::find_if(
      queue_, [&](const PendingPtr& pending) { return pending->entry.id == id; });
  if (found == queue_.end()) return;
  (*found)->is_written = true;
  queue_.erase(found);
}

void TenantLog::drop(const PendingPtr& pending) {
  MutexLock lock(mutex_);
  std::erase(queue_, pending);
}

}  // namespace plinth::guard
