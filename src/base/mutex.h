// SPDX-License-Identifier: Apache-2.0
// A mutex that says what it guards: clang's thread-safety analysis checks the annotations, g++
// ignores them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define PLINTH_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define PLINTH_THREAD_ATTRIBUTE(x)
#endif

#define GUARDED_BY(x) PLINTH_THREAD_ATTRIBUTE(guarded_by(x))
#define REQUIRES(...) PLINTH_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) PLINTH_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace plinth {

class PLINTH_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() PLINTH_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() PLINTH_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  friend class Condition;
  std::mutex mutex_;
};

class PLINTH_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) PLINTH_THREAD_ATTRIBUTE(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() PLINTH_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits release and retake the mutex; wake-ups can be spurious, so callers loop over their
// condition.
class Condition {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // False when the time ran out.
  bool wait_for(Mutex& mutex, std::chrono::nanoseconds span) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool woken = condition_.wait_for(lock, span) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace plinth
