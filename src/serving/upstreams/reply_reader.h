// SPDX-License-Identifier: Apache-2.0
// Turns the bytes of one upstream's streamed answer into ChatEvents.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "http/sse.h"
#include "protocol/stream_decoder.h"
#include "serving/replicas/replica.h"

namespace plinth::serving {

class ReplyReader {
 public:
  // The sink sees text and tool calls as they come and the finished event; never a failed one.
  ReplyReader(std::unique_ptr<protocol::StreamDecoder> decoder, ReplicaSink sink, IdSource& ids)
      : decoder_(std::move(decoder)), sink_(std::move(sink)), ids_(ids) {}

  // False when reading should stop: the reply is complete or broken (error()).
  bool feed(std::string_view bytes);
  // At the end of the body: ok when the reply was complete.
  Status finish();
  bool has_bytes() const { return has_bytes_; }
  bool is_finished() const { return is_finished_; }

 private:
  Status read(std::string_view bytes);
  Status read_event(const std::string& payload);
  Status emit(std::vector<protocol::ChatEvent> events);

  const std::unique_ptr<protocol::StreamDecoder> decoder_;
  ReplicaSink sink_;
  IdSource& ids_;
  http::SseParser parser_;
  Status status_ = ok();
  bool has_bytes_ = false;
  bool is_finished_ = false;
};

}  // namespace plinth::serving
