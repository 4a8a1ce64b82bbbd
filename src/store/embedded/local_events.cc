// SPDX-License-Identifier: Apache-2.0
// Publishing copies the event into each matching queue; waiting and callbacks belong to one
// subscriber each.
#include "store/embedded/local_events.h"

#include <algorithm>
#include <deque>

namespace plinth::store {

class LocalEvents::Queue {
 public:
  Queue(std::string topic_prefix, size_t capacity)
      : prefix_(std::move(topic_prefix)), capacity_(capacity) {}

  bool wants(std::string_view topic) const { return topic.starts_with(prefix_); }

  void push(const Event& event) EXCLUDES(mutex_) {
    {
      MutexLock lock(mutex_);
      if (event.payload.size() > kEventPayloadBytesMax) {
        has_lost_ = true;
        return;
      }
      if (events_.size() >= capacity_) {
        events_.pop_front();
        has_lost_ = true;
      }
      events_.push_back(event);
      changed_.notify_one();
    }
    MutexLock lock(callback_mutex_);
    if (callback_) callback_();
  }

  std::optional<Event> pop(Duration wait) EXCLUDES(mutex_) {
    const auto until = std::chrono::steady_clock::now() + wait;
    MutexLock lock(mutex_);
    while (events_.empty()) {
      const auto left = until - std::chrono::steady_clock::now();
      if (left <= Duration::zero()) return std::nullopt;
      changed_.wait_for(mutex_, left);
    }
    Event event = std::move(events_.front());
    events_.pop_front();
    event.is_resync = has_lost_;
    has_lost_ = false;
    return event;
  }

  void set_callback(std::function<void()> callback) EXCLUDES(callback_mutex_) {
    MutexLock lock(callback_mutex_);
    callback_ = std::move(callback);
  }

 private:
  const std::string prefix_;
  const size_t capacity_;
  Mutex mutex_;
  Condition changed_;
  std::deque<Event> events_ GUARDED_BY(mutex_);
  bool has_lost_ GUARDED_BY(mutex_) = false;
  Mutex callback_mutex_;  // held during the callback: ending a subscription waits for one that runs
  std::function<void()> callback_ GUARDED_BY(callback_mutex_);
};

class LocalEvents::Subscribers {
 public:
  void add(const std::shared_ptr<Queue>& queue) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    queues_.push_back(queue);
  }
  void remove(const std::shared_ptr<Queue>& queue) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    std::erase(queues_, queue);
  }
  bool has_wanting(std::string_view topic) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return std::any_of(queues_.begin(), queues_.end(),
                       [&](const auto& queue) { return queue->wants(topic); });
  }
  std::vector<std::shared_ptr<Queue>> wanting(const std::string& topic) EXCLUDES(mutex_) {
    std::vector<std::shared_ptr<Queue>> found;
    MutexLock lock(mutex_);
    std::copy_if(queues_.begin(), queues_.end(), std::back_inserter(found),
                 [&](const auto& queue) { return queue->wants(topic); });
    return found;
  }

 private:
  Mutex mutex_;
  std::vector<std::shared_ptr<Queue>> queues_ GUARDED_BY(mutex_);
};

class LocalEvents::Handle final : public Subscription {
 public:
  Handle(std::shared_ptr<Subscribers> subscribers, std::shared_ptr<Queue> queue)
      : subscribers_(std::move(subscribers)), queue_(std::move(queue)) {
    subscribers_->add(queue_);
  }
  ~Handle() override {
    subscribers_->remove(queue_);
    queue_->set_callback(nullptr);
  }
  std::optional<Event> next(Duration wait) override { return queue_->pop(wait); }
  std::optional<Event> try_next() override { return queue_->pop(Duration::zero()); }
  void on_ready(std::function<void()> callback) override {
    queue_->set_callback(std::move(callback));
  }

 private:
  std::shared_ptr<Subscribers> subscribers_;
  std::shared_ptr<Queue> queue_;
};

LocalEvents::LocalEvents() : subscribers_(std::make_shared<Subscribers>()) {}
LocalEvents::~LocalEvents() = default;

void LocalEvents::publish(const std::string& topic, std::string payload) {
  const auto queues = subscribers_->wanting(topic);
  const Event event{.topic = topic, .payload = std::move(payload), .is_resync = false};
  for (const auto& queue : queues) queue->push(event);
}

bool LocalEvents::is_watched(std::string_view topic) const {
  return subscribers_->has_wanting(topic);
}

std::unique_ptr<Subscription> LocalEvents::subscribe(const std::string& topic_prefix,
                                                     size_t capacity) {
  capacity = std::clamp<size_t>(capacity, 1, kSubscriptionEventsMax);
  return std::make_unique<Handle>(subscribers_, std::make_shared<Queue>(topic_prefix, capacity));
}

}  // namespace plinth::store
