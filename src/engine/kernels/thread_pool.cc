// SPDX-License-Identifier: Apache-2.0
// The gate: a worker enters only while it is open; the caller closes it when no piece is left and
// waits until everybody is out. A worker that wakes up late finds it closed and touches nothing.
#include "engine/kernels/thread_pool.h"

#include <algorithm>
#include <chrono>

namespace plinth::engine::kernels {
namespace {

constexpr uint32_t kOpen = 1u << 31;
// A thread that sleeps takes up to milliseconds to wake on a virtual machine, more than most
// operations last. So threads spin as long as the pauses within and between two iterations are, and
// then park, which keeps idle ones off the CPU.
constexpr std::chrono::microseconds kSpinTime{1000};

void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Whether `done` came true in time.
template <typename Done>
bool spin_until(const Done& done) {
  constexpr int kPausesPerLook = 64;  // at the clock
  if (done()) return true;
  const auto end = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int i = 0; i < kPausesPerLook; ++i) {
      pause_briefly();
      if (done()) return true;
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  const int started = std::clamp(threads, 1, kThreadsMax) - 1;
  for (int i = 0; i < started; ++i) workers_.emplace_back([this] { serve(); });
}

ThreadPool::~ThreadPool() {
  is_stopping_.store(true);
  round_.fetch_add(1);
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_shared(int64_t count, int64_t piece, Call function, const void* work) {
  count_ = count;
  piece_ = piece;
  call_ = function;
  work_ = work;
  next_.store(0, std::memory_order_relaxed);
  gate_.store(kOpen);
  round_.fetch_add(1);
  round_.notify_all();
  claim_pieces();

  uint32_t inside = gate_.fetch_and(~kOpen) & ~kOpen;
  const auto is_left = [&] { return (inside = gate_.load()) == 0; };
  while (inside != 0 && !spin_until(is_left)) gate_.wait(inside);
}

void ThreadPool::claim_pieces() {
  for (;;) {
    const int64_t begin = next_.fetch_add(piece_, std::memory_order_relaxed);
    if (begin >= count_) return;
    call_(work_, begin, std::min(count_, begin + piece_));
  }
}

bool ThreadPool::enter() {
  uint32_t seen = gate_.load();
  while ((seen & kOpen) != 0) {
    if (gate_.compare_exchange_weak(seen, seen + 1)) return true;
  }
  return false;
}

void ThreadPool::leave() {
  if (gate_.fetch_sub(1) == 1) gate_.notify_one();
}

void ThreadPool::serve() {
  uint32_t round = 0;
  while (!is_stopping_.load()) {
    if (!spin_until([&] { return round_.load() != round; })) round_.wait(round);
    round = round_.load();
    if (enter()) {
      claim_pieces();
      leave();
    }
  }
}

}  // namespace plinth::engine::kernels
