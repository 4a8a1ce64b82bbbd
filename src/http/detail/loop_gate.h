// SPDX-License-Identifier: Apache-2.0
// A way to a loop that may be gone.
#pragma once

#include <functional>

#include "base/loop.h"
#include "base/mutex.h"

namespace plinth::http {

// Posts to a loop as long as it runs, so that whoever posts may outlive it.
class LoopGate {
 public:
  explicit LoopGate(EventLoop& loop) : loop_(&loop) {}
  bool post(std::function<void()> task) EXCLUDES(mutex_);
  void close() EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  EventLoop* loop_ GUARDED_BY(mutex_);
};

}  // namespace plinth::http
