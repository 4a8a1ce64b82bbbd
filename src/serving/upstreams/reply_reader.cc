// SPDX-License-Identifier: Apache-2.0
// Server-sent events -> JSON -> ChatEvents; foreign bytes, so every step can fail.
#include "serving/upstreams/reply_reader.h"

namespace plinth::serving {

using protocol::ChatEvent;

bool ReplyReader::feed(std::string_view bytes) {
  has_bytes_ = true;
  if (is_finished_ || status_.is_error()) return false;
  status_ = read(bytes);
  return status_.is_ok() && !is_finished_;
}

Status ReplyReader::finish() {
  if (status_.is_ok() && !is_finished_) {
    // Some servers close without [DONE]; the decoder says whether the reply was complete.
    auto events = decoder_->finish();
    status_ = events.is_ok() ? emit(*std::move(events)) : Status(std::move(events).error());
  }
  if (status_.is_ok() && !is_finished_) {
    status_ = make_error(ErrorCode::upstream_failed,
                         "the upstream ended its answer without a finish reason");
  }
  return status_;
}

Status ReplyReader::read(std::string_view bytes) {
  for (const http::SseEvent& event : TRY(parser_.feed(bytes))) {
    TRY(read_event(event.data));
    if (is_finished_) break;
  }
  return ok();
}

Status ReplyReader::read_event(const std::string& payload) {
  if (payload == "[DONE]") return emit(TRY(decoder_->finish()));
  const Json chunk = TRY(Json::parse(payload));
  return emit(TRY(decoder_->feed(chunk)));
}

Status ReplyReader::emit(std::vector<ChatEvent> events) {
  for (ChatEvent& event : events) {
    if (is_finished_) break;
    if (event.kind == ChatEvent::Kind::failed) return std::move(event.error);
    if (event.kind == ChatEvent::Kind::finished) is_finished_ = true;
    if (event.kind == ChatEvent::Kind::tool_call && event.tool_call.id.empty()) {
      event.tool_call.id = ids_.make("call");
    }
    sink_(std::move(event));
  }
  return ok();
}

}  // namespace plinth::serving
