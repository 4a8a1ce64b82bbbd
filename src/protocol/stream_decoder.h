// SPDX-License-Identifier: Apache-2.0
// How one wire format reads a streamed reply of an upstream: the JSON of each server-sent event in,
// ChatEvents out; tool calls come out whole. Pure.
#pragma once

#include <vector>

#include "protocol/chat.h"

namespace plinth::protocol {

class StreamDecoder {
 public:
  virtual ~StreamDecoder() = default;
  // Error upstream_failed: the stream is not as its format wants it; nothing more comes.
  virtual Result<std::vector<ChatEvent>> feed(const Json& event) = 0;
  // At the end of the stream: an error when the reply was cut off.
  virtual Result<std::vector<ChatEvent>> finish() = 0;
};

}  // namespace plinth::protocol
