// SPDX-License-Identifier: Apache-2.0
// The commit thread. A sync that failed is never repeated: the kernel may have dropped the dirty
// pages and then report success (Rebello et al., "Can Applications Recover from fsync Failures?",
// USENIX ATC 2020).
#include "store/embedded/committer.h"

#include "base/log.h"

namespace plinth::store {

Committer::Committer(Database& database, const Clock& clock, telemetry::Metrics* metrics)
    : database_(database), clock_(clock), metrics_(metrics), thread_([this] { run(); }) {}

Committer::~Committer() {
  {
    MutexLock lock(mutex_);
    is_stopping_ = true;
    changed_.notify_one();
  }
  thread_.join();
}

Status Committer::commit(Write& write) {
  Pending pending{.write = write, .answer = std::nullopt, .is_answered = false, .answered = {}};
  const size_t bytes = write.bytes();
  MutexLock lock(mutex_);
  if (failure_) {
    return make_error(ErrorCode::io_failed,
                      "the store stopped accepting writes after: " + failure_->message +
                          "; check the disk, then restart the node");
  }
  if (is_stopping_) return make_error(ErrorCode::unavailable, "the store is closing");
  if (queue_.size() >= kQueuedWritesMax || queued_bytes_ + bytes > kQueuedBytesMax) {
    return make_error(ErrorCode::overloaded, "the store's commit queue is full; try again later");
  }
  queue_.push_back(&pending);
  queued_bytes_ += bytes;
  changed_.notify_one();
  while (!pending.is_answered) pending.answered.wait(mutex_);
  return std::move(*pending.answer);
}

void Committer::run() {
  for (;;) {
    const std::vector<Pending*> group = take_group();
    if (group.empty()) return;
    const std::optional<Error> failure = commit_group(group);
    MutexLock lock(mutex_);
    if (failure && !failure_) failure_ = failure;
    for (Pending* pending : group) {
      pending->is_answered = true;
      pending->answered.notify_one();
    }
  }
}

std::vector<Committer::Pending*> Committer::take_group() {
  std::vector<Pending*> group;
  size_t bytes = 0;
  MutexLock lock(mutex_);
  while (queue_.empty() && !is_stopping_) changed_.wait(mutex_);
  while (!queue_.empty() && group.size() < kGroupWritesMax && bytes < kGroupBytesMax) {
    group.push_back(queue_.front());
    queue_.pop_front();
    bytes += group.back()->write.bytes();
  }
  queued_bytes_ -= bytes;
  return group;
}

// Answers every write of the group; returns the error of a failed sync.
std::optional<Error> Committer::commit_group(const std::vector<Pending*>& group) {
  {
    MutexLock lock(mutex_);
    if (failure_) {  // queued before the failure was known
      for (Pending* pending : group) {
        pending->answer =
            Status(make_error(ErrorCode::io_failed,
                              "the store stopped accepting writes after: " + failure_->message));
      }
      return std::nullopt;
    }
  }
  Batch batch(database_);
  for (Pending* pending : group) {
    batch.mark();
    pending->answer = pending->write.prepare(batch);
    if (pending->answer->is_ok()) {
      batch.keep();
    } else {
      batch.roll_back();
    }
  }
  const MonotonicTime start = clock_.now();
  const Status written = batch.is_empty() ? ok() : batch.write();
  if (written.is_error()) {
    log_event(LogLevel::error, "store.commit.failed", {{"cause", written.error().message}});
    for (Pending* pending : group) {
      // Also those whose condition failed: they may have failed on a change that is not durable.
      pending->answer = Status(make_error(
          ErrorCode::outcome_unknown,
          "the write may not be durable: " + written.error().message + "; check after a restart"));
    }
    return written.error();
  }
  if (metrics_ != nullptr && !batch.is_empty()) {
    const std::chrono::duration<double> taken = clock_.now() - start;
    metrics_->observe(telemetry::Metric::journal_sync_seconds, taken.count());
  }
  for (Pending* pending : group) {
    if (pending->answer->is_ok()) pending->write.committed();
  }
  return std::nullopt;
}

}  // namespace plinth::store
