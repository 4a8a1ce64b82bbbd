// SPDX-License-Identifier: Apache-2.0
// Three stages in a row; each holds back what it cannot decide yet.
#include "engine/batcher/reply.h"

namespace plinth::engine {

Reply::Reply(std::vector<std::string> stops, bool is_tool_call_parsing) : stops_(std::move(stops)) {
  if (is_tool_call_parsing) tool_calls_.emplace();
}

std::vector<GenerateEvent> Reply::feed(std::string_view token_bytes) {
  std::vector<GenerateEvent> events;
  pass(events, stops_.feed(utf8_.feed(token_bytes)));
  return events;
}

std::vector<GenerateEvent> Reply::finish() {
  std::vector<GenerateEvent> events;
  pass(events, stops_.feed(utf8_.finish()));
  pass(events, stops_.finish());
  if (tool_calls_) add_parts(events, tool_calls_->finish());
  return events;
}

void Reply::pass(std::vector<GenerateEvent>& events, std::string_view text) {
  if (text.empty()) return;
  if (tool_calls_) return add_parts(events, tool_calls_->feed(text));
  GenerateEvent event;
  event.text = text;
  events.push_back(std::move(event));
}

void Reply::add_parts(std::vector<GenerateEvent>& events, const std::vector<ReplyPart>& parts) {
  for (const ReplyPart& part : parts) {
    GenerateEvent event;
    if (part.is_tool_call) {
      event.kind = GenerateEvent::Kind::tool_call;
      event.tool_name = part.name;
      event.tool_arguments = part.arguments;
      has_tool_calls_ = true;
    } else {
      event.text = part.text;
    }
    events.push_back(std::move(event));
  }
}

}  // namespace plinth::engine
