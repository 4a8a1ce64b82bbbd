// SPDX-License-Identifier: Apache-2.0
// Three stages in a row; each holds back what it cannot decide yet.
#include "engine/batcher/reply.h"

namespace plinth::engine {

Reply::Reply(ReplyOptions options) : stops_(std::move(options.stops)) {
  if (!options.syntax || (!options.is_chat && !options.tools)) return;
  ReplyParserOptions parser{*options.syntax, options.is_chat, options.is_reasoning_open};
  if (options.tools) {
    parser.has_tools = true;
    parser.functions = std::move(options.tools->functions);
    calls_max_ = options.tools->calls_max;
  }
  parser_ = create_reply_parser(std::move(parser));
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
  if (parser_) add_parts(events, parser_->finish());
  return events;
}

void Reply::pass(std::vector<GenerateEvent>& events, std::string_view text) {
  if (text.empty()) return;
  if (parser_) return add_parts(events, parser_->feed(text));
  GenerateEvent event;
  event.text = text;
  events.push_back(std::move(event));
}

// Nothing comes behind the last call there may be.
void Reply::add_parts(std::vector<GenerateEvent>& events, std::vector<ReplyPart> parts) {
  for (ReplyPart& part : parts) {
    if (is_complete()) return;
    GenerateEvent event;
    switch (part.kind) {
      case ReplyPart::Kind::text:
        event.text = std::move(part.text);
        break;
      case ReplyPart::Kind::reasoning:
        event.kind = GenerateEvent::Kind::reasoning;
        event.text = std::move(part.text);
        break;
      case ReplyPart::Kind::tool_call:
        event.kind = GenerateEvent::Kind::tool_call;
        event.tool_name = std::move(part.name);
        event.tool_arguments = std::move(part.arguments);
        ++calls_;
        break;
    }
    events.push_back(std::move(event));
  }
}

}  // namespace plinth::engine
