// SPDX-License-Identifier: Apache-2.0
// Events: lossy publish/subscribe inside a node, for watching. A slow subscriber loses the oldest
// events and is told so (is_resync): it then re-reads the state it follows.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace plinth::store {

struct Event {
  std::string topic;    // "run", "decision", "model", "memory"
  std::string payload;  // JSON
  bool is_resync = false;
};

class Subscription {  // ends when destroyed
 public:
  virtual ~Subscription() = default;
  virtual std::optional<Event> next(Duration wait) = 0;  // blocks up to wait
  virtual std::optional<Event> try_next() = 0;
  // Called on the publishing thread whenever an event is queued; must not block.
  virtual void on_ready(std::function<void()> callback) = 0;
};

class Events {
 public:
  virtual ~Events() = default;
  virtual void publish(const std::string& topic, std::string payload) = 0;  // never blocks
  // Whether anybody would get it: a payload need not be made for nobody.
  virtual bool is_watched([[maybe_unused]] std::string_view topic) const { return true; }
  virtual std::unique_ptr<Subscription> subscribe(const std::string& topic_prefix,
                                                  size_t capacity) = 0;
};

}  // namespace plinth::store
