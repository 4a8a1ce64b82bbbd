// SPDX-License-Identifier: Apache-2.0
// When work is no longer worth doing: a point in monotonic time, and a flag another thread can
// raise.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "base/clock.h"

namespace plinth {

class Deadline {
 public:
  static Deadline none() { return Deadline(std::nullopt); }
  static Deadline at(MonotonicTime time) { return Deadline(time); }
  static Deadline after(const Clock& clock, Duration span) { return Deadline(clock.now() + span); }

  bool is_none() const { return !time_; }
  bool has_passed(const Clock& clock) const { return time_ && clock.now() >= *time_; }
  std::optional<MonotonicTime> time() const { return time_; }
  Duration remaining(const Clock& clock) const;  // Duration::max() for none, never negative
  Deadline earlier(const Deadline& other) const;

 private:
  explicit Deadline(std::optional<MonotonicTime> time) : time_(time) {}
  std::optional<MonotonicTime> time_;
};

// A copyable view of a flag that says "stop". Checked by loops, never blocks.
class Cancellation {
 public:
  Cancellation() : flag_(std::make_shared<std::atomic<bool>>(false)) {}
  void cancel() { flag_->store(true, std::memory_order_release); }
  bool is_cancelled() const { return flag_->load(std::memory_order_acquire); }
  // Whether another copy is left that could raise the flag. Who stops looking at the flag once this
  // is false must read this BEFORE is_cancelled(): in the other order the last other holder can
  // cancel and drop its copy between the two, and its cancellation is never seen.
  bool is_shared() const {
    const bool is_shared_now = flag_.use_count() > 1;
    // use_count() is relaxed. The fence orders it before the reads that follow, and pairs with the
    // release in which the last other holder dropped its copy.
    std::atomic_thread_fence(std::memory_order_acquire);
    return is_shared_now;
  }

 private:
  std::shared_ptr<std::atomic<bool>> flag_;
};

}  // namespace plinth
