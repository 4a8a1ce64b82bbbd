// SPDX-License-Identifier: Apache-2.0
// Group commit: many callers queue writes, one thread checks their conditions in order, writes all
// of them as one batch with one sync, and answers. A caller blocks until its write is durable or
// refused.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "store/embedded/database.h"
#include "telemetry/metrics.h"

namespace plinth::store {

inline constexpr size_t kQueuedWritesMax = 4096;
inline constexpr size_t kQueuedBytesMax = 64u << 20;
inline constexpr size_t kGroupWritesMax = 1024;
inline constexpr size_t kGroupBytesMax = 8u << 20;

// One caller's change. Lives on the caller's stack while it is being committed.
class Write {
 public:
  virtual ~Write() = default;
  virtual size_t bytes() const = 0;  // about how much it adds to a batch
  // Commit thread: checks conditions against everything earlier, also in the same group, and adds
  // rows. On an error its rows are rolled back, and nothing it changed elsewhere may remain.
  virtual Status prepare(Batch& batch) = 0;
  // Commit thread, after the sync, before the caller is answered.
  virtual void committed() {}
};

class Committer {
 public:
  Committer(Database& database, const Clock& clock, telemetry::Metrics* metrics);
  ~Committer();  // commits what is queued, joins
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Errors: what prepare() says; overloaded (queue full); outcome_unknown (the sync of its group
  // failed: the change may or may not be there after a restart); io_failed (an earlier sync failed,
  // nothing is written any more).
  Status commit(Write& write) EXCLUDES(mutex_);

 private:
  struct Pending {
    Write& write;
    std::optional<Status> answer;
    bool is_answered = false;
    Condition answered;
  };

  void run() EXCLUDES(mutex_);
  std::vector<Pending*> take_group() EXCLUDES(mutex_);
  std::optional<Error> commit_group(const std::vector<Pending*>& group);

  Database& database_;
  const Clock& clock_;
  telemetry::Metrics* const metrics_;  // null: not counted
  Mutex mutex_;
  Condition changed_;
  std::deque<Pending*> queue_ GUARDED_BY(mutex_);
  size_t queued_bytes_ GUARDED_BY(mutex_) = 0;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  std::optional<Error> failure_ GUARDED_BY(mutex_);  // of the first failed sync; final
  std::thread thread_;
};

}  // namespace plinth::store
