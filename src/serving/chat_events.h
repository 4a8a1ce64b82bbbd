// SPDX-License-Identifier: Apache-2.0
// The two ways a reply ends that serving itself decides.
#pragma once

#include "protocol/chat.h"

namespace plinth::serving {

inline protocol::ChatEvent failed_event(Error error) {
  protocol::ChatEvent event;
  event.kind = protocol::ChatEvent::Kind::failed;
  event.error = std::move(error);
  return event;
}

inline protocol::ChatEvent cancelled_event() {
  protocol::ChatEvent event;
  event.kind = protocol::ChatEvent::Kind::finished;
  event.reason = protocol::FinishReason::cancelled;
  return event;
}

inline bool is_end(const protocol::ChatEvent& event) {
  return event.kind == protocol::ChatEvent::Kind::finished ||
         event.kind == protocol::ChatEvent::Kind::failed;
}

}  // namespace plinth::serving
