// SPDX-License-Identifier: Apache-2.0
// How one wire format writes replies: what comes out of a chat, one event after the other or whole.
// Pure; who sends the frames decides how they are framed.
#pragma once

#include <string>
#include <vector>

#include "protocol/chat.h"

namespace plinth::protocol {

// What a stream is made of.
enum class Framing : uint8_t { server_sent_events, lines };  // lines: a JSON value each

struct Frame {
  std::string data;
  std::string event = {};  // its name, of server-sent events; empty: none
};

// One call's replies. A call may ask for several choices of the same prompt, whose events come
// mixed; their number is known to who makes the encoder.
class ReplyEncoder {
 public:
  virtual ~ReplyEncoder() = default;
  virtual Framing framing() const { return Framing::server_sent_events; }

  // A stream, in this order: begin; events of every choice up to its finished one; end, with the
  // usage of all choices. Or fail, at any time after begin; nothing follows it.
  virtual std::vector<Frame> begin() = 0;
  virtual std::vector<Frame> event(size_t choice, const ChatEvent& event) = 0;
  virtual std::vector<Frame> end(const Usage& usage) = 0;
  virtual std::vector<Frame> fail(const Error& error) = 0;

  // The same in one body; one reply a choice.
  virtual Json whole(const std::vector<ChatReply>& replies) = 0;
  // The body of an answer that is no reply.
  virtual Json error(const Error& error) const = 0;
};

}  // namespace plinth::protocol
