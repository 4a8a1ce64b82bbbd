// SPDX-License-Identifier: Apache-2.0
// The audit chain of one tenant: a bounded queue of entries in front of one journal stream.
//
// Order of entries = order of the queue. One flush takes everything queued, chains it and appends
// it, so threads that wait for their entry share syncs. Entries are chained when they are written,
// not when they are queued: after a failure or another writer's append the head is read again and
// the queue chained to it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/mutex.h"
#include "guard/audit.h"
#include "store/journal.h"

namespace plinth::guard {

class TenantLog {
 public:
  static constexpr size_t kQueueMax = 4096;  // twice that for threads that may block
  static constexpr size_t kRecordBytesMax = 64u << 10;

  TenantLog(store::Journal& journal, IdSource& ids, std::string tenant);

  // Blocks until durable. On an error the entry is not queued any more, but may have been written
  // when the error is outcome_unknown.
  Result<AuditEntry> write(AuditEntry entry);
  // Queues and says how many entries are queued now. index and hash are not known yet. `canonical`
  // is the record's text. Of a full queue a thread that may block writes what is queued first; an
  // event loop is refused at once with overloaded.
  Result<size_t> queue(std::string id, std::string canonical);
  Status flush();  // everything queued before the call is durable

  Result<std::vector<AuditEntry>> read(uint64_t from, size_t limit) const;
  Result<std::vector<AuditEntry>> latest(size_t limit) const;
  Result<AuditEntry> find(const std::string& id) const;
  Result<AuditProof> verify() const;

 private:
  struct Pending {
    AuditEntry entry;    // of a queued one, without its record
    std::string record;  // canonical JSON
    bool is_written = false;
  };
  using PendingPtr = std::shared_ptr<Pending>;

  // What others queue meanwhile does not prolong it by more than the rest of the last append.
  Status flush_locked() REQUIRES(write_mutex_);
  Status write_batch(const std::vector<PendingPtr>& batch) REQUIRES(write_mutex_);
  Status catch_up() REQUIRES(write_mutex_);
  size_t queued() const;
  PendingPtr last_queued() const;  // null when nothing is
  std::vector<PendingPtr> front_of_queue() const;
  void drop_written(const std::string& id);
  void drop(const PendingPtr& pending);

  store::Journal& journal_;
  IdSource& ids_;
  const store::StreamName stream_;

  // Taken before mutex_. Held while the journal is written.
  mutable Mutex write_mutex_;
  bool must_catch_up_ GUARDED_BY(write_mutex_) = true;
  store::Sequence last_ GUARDED_BY(write_mutex_) = store::kBeginning;
  uint64_t next_index_ GUARDED_BY(write_mutex_) = 0;
  std::string head_ GUARDED_BY(write_mutex_);

  mutable Mutex mutex_;
  std::deque<PendingPtr> queue_ GUARDED_BY(mutex_);
};

}  // namespace plinth::guard
