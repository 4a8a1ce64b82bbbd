// SPDX-License-Identifier: Apache-2.0
// Event loops (Asio, one thread each) with timers, and a small pool of threads for work that
// blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace boost::asio {
class io_context;
}

namespace plinth {

using TimerId = uint64_t;

// Runs its handlers on one thread; handlers must not block. Thread-safe.
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();  // stops and joins
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void start();  // starts the thread; call once
  void stop();   // stops after the running handler, joins the thread; safe to call again
  void post(std::function<void()> task);
  TimerId schedule(Duration delay, std::function<void()> task);
  void cancel(TimerId timer);  // no effect on a timer that fired
  boost::asio::io_context& context();
  // The loop whose thread this is; null on any other thread.
  static EventLoop* current();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A fixed number of threads over one bounded queue, for disk, children and handlers.
class WorkerPool {
 public:
  WorkerPool(size_t threads, size_t queue_max);
  ~WorkerPool();  // finishes queued work, joins
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  Status submit(std::function<void()> task);  // overloaded when the queue is full
  void stop();                                // refuses new work, finishes what is queued, joins

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace plinth
