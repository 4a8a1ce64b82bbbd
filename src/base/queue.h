// SPDX-License-Identifier: Apache-2.0
// A bounded queue between threads. A full queue refuses; it never grows. Closing wakes every
// waiter.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "base/result.h"

namespace plinth {

template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  // Error overloaded when full, cancelled when closed. Never blocks.
  Status push(T item) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (closed_) return make_error(ErrorCode::cancelled, "the queue is closed");
    if (items_.size() >= capacity_) return make_error(ErrorCode::overloaded, "the queue is full");
    items_.push_back(std::move(item));
    changed_.notify_one();
    return ok();
  }

  // Blocks until an item, the end of the span (nullopt) or the end of a closed queue (nullopt).
  std::optional<T> pop_for(std::chrono::nanoseconds span) EXCLUDES(mutex_) {
    const auto until = std::chrono::steady_clock::now() + span;
    MutexLock lock(mutex_);
    while (items_.empty() && !closed_) {
      const auto left = until - std::chrono::steady_clock::now();
      if (left <= std::chrono::nanoseconds::zero()) return std::nullopt;
      changed_.wait_for(mutex_, left);
    }
    return take();
  }

  // Blocks until an item; nullopt once closed and empty.
  std::optional<T> pop() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (items_.empty() && !closed_) changed_.wait(mutex_);
    return take();
  }

  std::optional<T> try_pop() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return take();
  }

  void close() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  bool is_closed() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return closed_;
  }

  size_t size() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return items_.size();
  }

 private:
  std::optional<T> take() REQUIRES(mutex_) {
    if (items_.empty()) return std::nullopt;
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

  mutable Mutex mutex_;
  Condition changed_;
  const size_t capacity_;
  std::deque<T> items_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace plinth
