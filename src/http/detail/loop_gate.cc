// SPDX-License-Identifier: Apache-2.0
#include "http/detail/loop_gate.h"

namespace plinth::http {

bool LoopGate::post(std::function<void()> task) {
  MutexLock lock(mutex_);
  if (loop_ == nullptr) return false;
  loop_->post(std::move(task));
  return true;
}

void LoopGate::close() {
  MutexLock lock(mutex_);
  loop_ = nullptr;
}

}  // namespace plinth::http
