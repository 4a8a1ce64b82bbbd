// SPDX-License-Identifier: Apache-2.0
#include "agents/run/alarms.h"

#include <vector>

namespace plinth::agents {

Alarms::Alarms(const Clock& clock, Ring ring)
    : clock_(clock), ring_(std::move(ring)), thread_([this] { watch(); }) {}

Alarms::~Alarms() { stop(); }

void Alarms::set(std::shared_ptr<Run> run, WallTime due) {
  MutexLock lock(mutex_);
  due_.emplace(due.unix_ms, std::move(run));
  changed_.notify_all();
}

void Alarms::stop() {
  {
    MutexLock lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Alarms::watch() {
  while (true) {
    std::vector<std::shared_ptr<Run>> ringing;
    {
      MutexLock lock(mutex_);
      while (!is_stopping_ && due_.empty()) changed_.wait(mutex_);
      if (is_stopping_) return;
      const int64_t now = clock_.wall().unix_ms;
      while (!due_.empty() && due_.begin()->first <= now) {
        ringing.push_back(std::move(due_.begin()->second));
        due_.erase(due_.begin());
      }
      if (ringing.empty()) changed_.wait_for(mutex_, kLookEvery);
    }
    for (const auto& run : ringing) ring_(run);
  }
}

}  // namespace plinth::agents
