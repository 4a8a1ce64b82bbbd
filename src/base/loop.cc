// SPDX-License-Identifier: Apache-2.0
// Event loops and the worker pool.
#include "base/loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <thread>
#include <unordered_map>

#include "base/check.h"
#include "base/mutex.h"
#include "base/queue.h"

namespace plinth {

namespace asio = boost::asio;

namespace {

thread_local EventLoop* current_loop = nullptr;

struct Timer {
  std::unique_ptr<asio::steady_timer> wait;
  std::function<void()> task;
};

}  // namespace

// A timer is in the map until it fires or is cancelled: whoever takes it out decides which of the
// two happened.
struct EventLoop::State {
  Mutex mutex;
  std::unordered_map<TimerId, Timer> timers GUARDED_BY(mutex);
  TimerId next_timer GUARDED_BY(mutex) = 1;
  bool is_stopped GUARDED_BY(mutex) = false;
  Mutex join_mutex;
  std::thread thread GUARDED_BY(join_mutex);
  std::atomic<std::thread::id> thread_id{};
  // Below the members its handlers may touch: tasks still queued are destroyed with the context.
  asio::io_context context{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;

  std::optional<Timer> take(TimerId id) EXCLUDES(mutex) {
    MutexLock lock(mutex);
    const auto found = timers.find(id);
    if (found == timers.end()) return std::nullopt;
    Timer timer = std::move(found->second);
    timers.erase(found);
    return timer;
  }
};

EventLoop::EventLoop() : state_(std::make_unique<State>()) {
  state_->work.emplace(asio::make_work_guard(state_->context));
}

EventLoop::~EventLoop() {
  CHECK(state_->thread_id.load() != std::this_thread::get_id());  // a loop cannot outlive itself
  stop();
  std::unordered_map<TimerId, Timer> timers;
  {
    MutexLock lock(state_->mutex);
    timers.swap(state_->timers);
  }
  timers.clear();  // outside the lock: tasks may own things that cancel timers
}

void EventLoop::start() {
  MutexLock lock(state_->join_mutex);
  CHECK(!state_->thread.joinable());
  state_->thread = std::thread([this, state = state_.get()] {
    current_loop = this;
    state->thread_id = std::this_thread::get_id();
    state->context.run();
  });
}

void EventLoop::stop() {
  {
    MutexLock lock(state_->mutex);
    state_->is_stopped = true;
  }
  state_->context.stop();
  if (state_->thread_id.load() == std::this_thread::get_id()) return;  // the destructor joins
  MutexLock lock(state_->join_mutex);
  if (state_->thread.joinable()) state_->thread.join();
  state_->thread_id = std::thread::id();
}

void EventLoop::post(std::function<void()> task) {
  {
    MutexLock lock(state_->mutex);
    if (state_->is_stopped) return;
  }
  asio::post(state_->context, std::move(task));
}

TimerId EventLoop::schedule(Duration delay, std::function<void()> task) {
  MutexLock lock(state_->mutex);
  const TimerId id = state_->next_timer++;
  if (state_->is_stopped) return id;
  Timer& timer = state_->timers[id];
  timer.task = std::move(task);
  timer.wait = std::make_unique<asio::steady_timer>(state_->context, delay);
  timer.wait->async_wait([state = state_.get(), id](const boost::system::error_code&) {
    if (std::optional<Timer> due = state->take(id)) due->task();
  });
  return id;
}

// Taking the timer out of the map is what cancels it: a handler that is already queued then finds
// nothing.
void EventLoop::cancel(TimerId timer) { state_->take(timer); }

EventLoop* EventLoop::current() { return current_loop; }

asio::io_context& EventLoop::context() { return state_->context; }

struct WorkerPool::State {
  explicit State(size_t queue_max) : queue(queue_max) {}
  BoundedQueue<std::function<void()>> queue;
  Mutex join_mutex;
  std::vector<std::thread> threads GUARDED_BY(join_mutex);
};

WorkerPool::WorkerPool(size_t threads, size_t queue_max)
    : state_(std::make_unique<State>(queue_max)) {
  MutexLock lock(state_->join_mutex);
  for (size_t i = 0; i < threads; ++i) {
    state_->threads.emplace_back([state = state_.get()] {
      while (std::optional<std::function<void()>> task = state->queue.pop()) (*task)();
    });
  }
}

WorkerPool::~WorkerPool() { stop(); }

Status WorkerPool::submit(std::function<void()> task) {
  return state_->queue.push(std::move(task));
}

void WorkerPool::stop() {
  state_->queue.close();
  MutexLock lock(state_->join_mutex);
  for (std::thread& thread : state_->threads) {
    CHECK(thread.get_id() != std::this_thread::get_id());  // a task cannot wait for its own end
    thread.join();
  }
  state_->threads.clear();
}

}  // namespace plinth
