// SPDX-License-Identifier: Apache-2.0
// Wakes runs at a wall-clock time: durable timers and pauses before a retry. Waiting runs hold no
// thread but this one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "agents/run/run.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace plinth::agents {

class Alarms {
 public:
  using Ring = std::function<void(const std::shared_ptr<Run>&)>;
  // The clock may be a test's: it is looked at every kLookEvery while an alarm is set.
  static constexpr Duration kLookEvery = std::chrono::milliseconds(25);

  Alarms(const Clock& clock, Ring ring);
  ~Alarms();
  void set(std::shared_ptr<Run> run,
           WallTime due);  // one alarm per run: at most as many as open runs
  void stop();

 private:
  void watch();

  const Clock& clock_;
  const Ring ring_;
  Mutex mutex_;
  Condition changed_;
  std::multimap<int64_t, std::shared_ptr<Run>> due_ GUARDED_BY(mutex_);
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace plinth::agents
