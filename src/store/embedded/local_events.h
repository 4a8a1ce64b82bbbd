// SPDX-License-Identifier: Apache-2.0
// Events in the RAM of one process: a bounded queue per subscriber that drops its oldest event when
// full.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "store/events.h"

namespace plinth::store {

inline constexpr size_t kSubscriptionEventsMax = 65536;
inline constexpr size_t kEventPayloadBytesMax = 256u
                                                << 10;  // a larger one is dropped like the oldest

class LocalEvents final : public Events {
 public:
  LocalEvents();
  ~LocalEvents() override;
  void publish(const std::string& topic, std::string payload) override;
  bool is_watched(std::string_view topic) const override;
  std::unique_ptr<Subscription> subscribe(const std::string& topic_prefix,
                                          size_t capacity) override;

 private:
  class Queue;
  class Handle;
  class Subscribers;
  std::shared_ptr<Subscribers> subscribers_;  // shared with handles, which may outlive the store
};

}  // namespace plinth::store
