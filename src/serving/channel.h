// SPDX-License-Identifier: Apache-2.0
// The bounded channel of one reply: replicas write ChatEvents at one end, a ChatStream reads them
// at the other. A slow reader makes neighbouring text events flow together, so nothing is lost and
// the number of events stays bounded. The reader asks for cancellation with a flag, and the writing
// side may have itself told.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "protocol/chat.h"
#include "serving/serving.h"

namespace plinth::serving {

inline constexpr size_t kChannelEventsMax = 256;  // then texts flow together
inline constexpr size_t kChannelBytesMax =
    16u << 20;  // unread bytes; then the reply fails with overloaded
inline constexpr size_t kChannelHardEventsMax = 1024;  // unread events that cannot flow together

struct ChannelState;

// Copies write to the same channel. Thread-safe.
class ChannelWriter {
 public:
  explicit ChannelWriter(std::shared_ptr<ChannelState> state) : state_(std::move(state)) {}
  // Events after the finished or failed one are dropped. False when nobody will read what was
  // written: the reader is gone or the channel has ended, so the work behind it should stop.
  bool write(protocol::ChatEvent event);
  bool is_cancelled() const;  // the reader cancelled or is gone
  // Called once, on the reader's thread, when that comes about before the end; set it before the
  // reader is handed out.
  void on_cancel(std::function<void()> callback);

 private:
  std::shared_ptr<ChannelState> state_;
};

struct Channel {
  std::unique_ptr<ChatStream> reader;
  ChannelWriter writer;
};

Channel create_channel(std::string id);

}  // namespace plinth::serving
