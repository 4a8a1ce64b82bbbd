// SPDX-License-Identifier: Apache-2.0
// A few long-lived threads that share the rows of one operation with the caller. Work is claimed in
// pieces, so a thread the system has put aside delays only the piece it holds.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace plinth::engine::kernels {

class ThreadPool {
 public:
  static constexpr int kThreadsMax = 256;

  explicit ThreadPool(int threads);  // threads - 1 are started; the caller is the last one
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls work(begin, end) for pieces of at most `piece` items that cover [0, count) once; returns
  // when all are done. One caller at a time. Pieces run in any order, so work must not depend on
  // it.
  template <typename Work>
  void run(int64_t count, int64_t piece, const Work& work) {
    if (workers_.empty() || count <= piece) {
      if (count > 0) work(int64_t{0}, count);
      return;
    }
    run_shared(count, piece, &call<Work>, &work);
  }

 private:
  using Call = void (*)(const void* work, int64_t begin, int64_t end);

  template <typename Work>
  static void call(const void* work, int64_t begin, int64_t end) {
    (*static_cast<const Work*>(work))(begin, end);
  }

  void run_shared(int64_t count, int64_t piece, Call function, const void* work);
  void claim_pieces();
  bool enter();
  void leave();
  void serve();

  // Set by the caller while the gate is closed and nobody is inside, read by those inside.
  int64_t count_ = 0;
  int64_t piece_ = 1;
  Call call_ = nullptr;
  const void* work_ = nullptr;

  std::atomic<int64_t> next_{0};
  std::atomic<uint32_t> round_{0};  // grows with each operation; workers wait on it
  std::atomic<uint32_t> gate_{0};   // kOpen, plus the number of workers inside
  std::atomic<bool> is_stopping_{false};
  std::vector<std::thread> workers_;
};

}  // namespace plinth::engine::kernels
