// SPDX-License-Identifier: Apache-2.0
// Names of the neutral chat types, as wire formats and logs write them.
#include "protocol/chat.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace plinth::protocol {

std::string_view role_name(Role role) {
  switch (role) {
    case Role::system:
      return "system";
    case Role::user:
      return "user";
    case Role::assistant:
      return "assistant";
    case Role::tool:
      return "tool";
  }
  CHECK(false);
}

std::string_view finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::tool_calls:
      return "tool_calls";
    case FinishReason::cancelled:
      return "cancelled";
    case FinishReason::error:
      return "error";
  }
  CHECK(false);
}

Json arguments_object(const ToolCall& call) {
  if (trim(call.arguments).empty()) return Json::object();
  auto parsed = Json::parse(call.arguments);
  if (parsed.is_ok() && parsed->is_object()) return *std::move(parsed);
  return Json::object({{"malformed", call.arguments}});
}

namespace {

void append(std::vector<ChosenLogprob>& logprobs, std::vector<ChosenLogprob> more) {
  logprobs.insert(logprobs.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
}

}  // namespace

bool is_joinable(const ChatEvent& event, const ChatEvent& next) {
  const bool has_text =
      event.kind == ChatEvent::Kind::text || event.kind == ChatEvent::Kind::reasoning;
  return has_text && event.kind == next.kind;
}

void append_text(ChatEvent& text, ChatEvent next) {
  text.text += next.text;
  append(text.logprobs, std::move(next.logprobs));
}

void add_event(ChatReply& reply, ChatEvent event) {
  append(reply.logprobs, std::move(event.logprobs));
  switch (event.kind) {
    case ChatEvent::Kind::text:
      reply.text += event.text;
      return;
    case ChatEvent::Kind::reasoning:
      reply.reasoning += event.text;
      return;
    case ChatEvent::Kind::tool_call:
      reply.tool_calls.push_back(std::move(event.tool_call));
      return;
    case ChatEvent::Kind::finished:
      reply.reason = event.reason;
      reply.stop_match = std::move(event.stop_match);
      reply.usage = event.usage;
      reply.times = event.times;
      reply.vectors = std::move(event.vectors);
      return;
    case ChatEvent::Kind::failed:
      return;
  }
}

Usage usage_of(const std::vector<ChatReply>& replies) {
  Usage usage;
  for (const ChatReply& reply : replies) {
    usage.prompt_tokens = std::max(usage.prompt_tokens, reply.usage.prompt_tokens);
    usage.cached_tokens = std::max(usage.cached_tokens, reply.usage.cached_tokens);
    usage.completion_tokens += reply.usage.completion_tokens;
    usage.reasoning_tokens += reply.usage.reasoning_tokens;
  }
  return usage;
}

}  // namespace plinth::protocol
