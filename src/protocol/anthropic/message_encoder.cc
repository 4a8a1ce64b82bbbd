// SPDX-License-Identifier: Apache-2.0
// Replies of the Messages API: content blocks one after the other, each opened, filled and closed.
#include "protocol/anthropic.h"

namespace plinth::protocol::anthropic {
namespace {

Json encode_usage(const Usage& usage) {
  return Json::object({{"input_tokens", usage.prompt_tokens - usage.cached_tokens},
                       {"cache_creation_input_tokens", 0},
                       {"cache_read_input_tokens", usage.cached_tokens},
                       {"output_tokens", usage.completion_tokens}});
}

// null: the reply was cut off by neither the model nor the request.
Json stop_reason(FinishReason reason, const std::string& stop_match) {
  switch (reason) {
    case FinishReason::stop:
      return stop_match.empty() ? "end_turn" : "stop_sequence";
    case FinishReason::length:
      return "max_tokens";
    case FinishReason::tool_calls:
      return "tool_use";
    case FinishReason::cancelled:
    case FinishReason::error:
      break;
  }
  return nullptr;
}

Json stop_sequence(FinishReason reason, const std::string& stop_match) {
  const bool is_match = reason == FinishReason::stop && !stop_match.empty();
  return is_match ? Json(stop_match) : Json();
}

Json text_block(std::string_view text) { return Json::object({{"type", "text"}, {"text", text}}); }

Json tool_block(const ToolCall& call, Json input) {
  return Json::object(
      {{"type", "tool_use"}, {"id", call.id}, {"name", call.name}, {"input", std::move(input)}});
}

Json message_of(const ReplyHead& head, Json content, Json reason, Json sequence, Json usage) {
  return Json::object({{"id", head.id},
                       {"type", "message"},
                       {"role", "assistant"},
                       {"model", head.model},
                       {"content", std::move(content)},
                       {"stop_reason", std::move(reason)},
                       {"stop_sequence", std::move(sequence)},
                       {"usage", std::move(usage)}});
}

class MessageEncoder final : public ReplyEncoder {
 public:
  explicit MessageEncoder(ReplyHead head) : head_(std::move(head)) {}

  std::vector<Frame> begin() override {
    Json message = message_of(head_, Json::array(), nullptr, nullptr, encode_usage({}));
    return {named("message_start", {{"message", std::move(message)}})};
  }

  std::vector<Frame> event(size_t, const ChatEvent& event) override {
    std::vector<Frame> frames;
    switch (event.kind) {
      case ChatEvent::Kind::text:
        add_text(frames, event.text);
        break;
      case ChatEvent::Kind::reasoning:
        break;  // shown to who asks for thinking, which is refused
      case ChatEvent::Kind::tool_call:
        add_call(frames, event.tool_call);
        break;
      case ChatEvent::Kind::finished:
        close(frames);
        reason_ = stop_reason(event.reason, event.stop_match);
        sequence_ = stop_sequence(event.reason, event.stop_match);
        break;
      case ChatEvent::Kind::failed:
        break;  // comes through fail()
    }
    return frames;
  }

  std::vector<Frame> end(const Usage& usage) override {
    Json delta = Json::object({{"stop_reason", reason_}, {"stop_sequence", sequence_}});
    return {named("message_delta", {{"delta", std::move(delta)}, {"usage", encode_usage(usage)}}),
            named("message_stop", {})};
  }

  std::vector<Frame> fail(const Error& error) override {
    return {{encode_error(error, head_.request_id).dump(), "error"}};
  }

  Json whole(const std::vector<ChatReply>& replies) override {
    const ChatReply& reply = replies.front();
    Json content = Json::array();
    if (!reply.text.empty()) content.push(text_block(reply.text));
    for (const ToolCall& call : reply.tool_calls) {
      content.push(tool_block(call, arguments_object(call)));
      if (head_.is_one_tool_use) break;
    }
    return message_of(head_, std::move(content), stop_reason(reply.reason, reply.stop_match),
                      stop_sequence(reply.reason, reply.stop_match), encode_usage(reply.usage));
  }

  Json error(const Error& error) const override { return encode_error(error, head_.request_id); }

 private:
  static Frame named(std::string_view type,
                     std::initializer_list<std::pair<std::string_view, Json>> members) {
    Json body = Json::object({{"type", type}});
    for (const auto& [key, value] : members) body.set(key, value);
    return {body.dump(), std::string(type)};
  }

  Frame start(Json block) {
    return named("content_block_start", {{"index", index_}, {"content_block", std::move(block)}});
  }
  Frame delta(Json value) {
    return named("content_block_delta", {{"index", index_}, {"delta", std::move(value)}});
  }

  void close(std::vector<Frame>& frames) {
    if (!is_open_) return;
    is_open_ = false;
    frames.push_back(named("content_block_stop", {{"index", index_++}}));
  }

  void add_text(std::vector<Frame>& frames, const std::string& text) {
    if (text.empty()) return;
    if (!is_open_) {
      is_open_ = true;
      frames.push_back(start(text_block("")));
    }
    frames.push_back(delta(Json::object({{"type", "text_delta"}, {"text", text}})));
  }

  void add_call(std::vector<Frame>& frames, const ToolCall& call) {
    if (has_call_ && head_.is_one_tool_use) return;
    has_call_ = true;
    close(frames);
    is_open_ = true;
    frames.push_back(start(tool_block(call, Json::object())));
    frames.push_back(delta(Json::object(
        {{"type", "input_json_delta"}, {"partial_json", arguments_object(call).dump()}})));
    close(frames);
  }

  const ReplyHead head_;
  size_t index_ = 0;  // of the block that is open or comes next
  bool is_open_ = false;
  bool has_call_ = false;
  Json reason_;
  Json sequence_;
};

// By cause: clients choose what to try again by the type.
std::string_view type_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::overloaded:
    case ErrorCode::unavailable:
      return "overloaded_error";
    case ErrorCode::too_large:
      return "request_too_large";
    default:
      break;
  }
  const int status = error_row(error.code).http_status;
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 429:
      return "rate_limit_error";
    case 504:
      return "timeout_error";
    default:
      return status < 500 ? "invalid_request_error" : "api_error";
  }
}

}  // namespace

std::unique_ptr<ReplyEncoder> create_message_encoder(ReplyHead head) {
  return std::make_unique<MessageEncoder>(std::move(head));
}

Json encode_error(const Error& error, std::string_view request_id) {
  Json described = Json::object({{"type", type_of(error)}, {"message", error.message}});
  return Json::object({{"type", "error"},
                       {"error", std::move(described)},
                       {"request_id", request_id.empty() ? Json() : Json(request_id)}});
}

}  // namespace plinth::protocol::anthropic
