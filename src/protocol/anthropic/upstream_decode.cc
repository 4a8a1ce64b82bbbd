// SPDX-License-Identifier: Apache-2.0
// What upstreams of the Messages API answer. An upstream is foreign: every list and text it sends
// is bounded, and a broken answer is upstream_failed.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "protocol/anthropic.h"
#include "protocol/openai.h"

namespace plinth::protocol::anthropic {
namespace {

constexpr size_t kUpstreamToolCallsMax = 128;
constexpr size_t kUpstreamArgumentsBytesMax = 1u << 20;   // of one tool call
constexpr int64_t kUpstreamTokensMax = int64_t{1} << 40;  // counts stay far from overflow
constexpr size_t kUpstreamStopBytesMax = 1024;
constexpr size_t kUpstreamMessageBytesMax = 1024;  // of an error message passed on
constexpr int kOverloadedStatus = 529;

Error upstream_error(std::string_view cause) {
  return make_error(ErrorCode::upstream_failed, "the upstream's answer: " + std::string(cause));
}

ChatEvent event_of(ChatEvent::Kind kind) {
  ChatEvent event;
  event.kind = kind;
  return event;
}

// A reason this table does not know (a refusal, a pause) is no natural end of the reply.
FinishReason finish_reason_of(std::string_view name) {
  if (name == "end_turn" || name == "stop_sequence") return FinishReason::stop;
  if (name == "max_tokens" || name == "model_context_window_exceeded") return FinishReason::length;
  if (name == "tool_use") return FinishReason::tool_calls;
  return FinishReason::error;
}

ErrorCode code_of_type(std::string_view type) {
  if (type == "overloaded_error") return ErrorCode::overloaded;
  if (type == "rate_limit_error") return ErrorCode::rate_limited;
  if (type == "invalid_request_error") return ErrorCode::invalid_argument;
  return ErrorCode::upstream_failed;
}

class EventDecoder final : public StreamDecoder {
 public:
  Result<std::vector<ChatEvent>> feed(const Json& event) override {
    if (is_finished_) return upstream_error("an event after the end");
    if (!event.is_object()) return upstream_error("an event that is not an object");
    const std::string& type = event["type"].as_string();
    std::vector<ChatEvent> events;
    if (type == "message_start") {
      add_usage(event["message"]["usage"]);
    } else if (type == "content_block_start") {
      TRY(start_block(event));
    } else if (type == "content_block_delta") {
      TRY(add_delta(event, events));
    } else if (type == "content_block_stop") {
      stop_block(event, events);
    } else if (type == "message_delta") {
      add_end(event);
    } else if (type == "message_stop") {
      return finish();
    } else if (type == "error") {
      events.push_back(failure_of(event["error"]));
      is_finished_ = true;
    }
    return events;
  }

  Result<std::vector<ChatEvent>> finish() override {
    std::vector<ChatEvent> events;
    if (is_finished_) return events;
    is_finished_ = true;
    if (!reason_) return upstream_error("the stream ended without a stop_reason");
    if (!calls_.empty()) return upstream_error("the stream ended inside a tool call");
    ChatEvent finished = event_of(ChatEvent::Kind::finished);
    finished.reason = *reason_;
    finished.stop_match = stop_match_;
    finished.usage = usage_;
    events.push_back(std::move(finished));
    return events;
  }

 private:
  // Counts are cumulative; those that an event leaves out stay.
  void add_usage(const Json& usage) {
    const auto count = [&](const char* key, int64_t& into) {
      if (usage[key].is_number()) {
        into = std::clamp<int64_t>(usage[key].as_int(), 0, kUpstreamTokensMax);
      }
    };
    count("input_tokens", input_);
    count("cache_creation_input_tokens", written_);
    count("cache_read_input_tokens", usage_.cached_tokens);
    count("output_tokens", usage_.completion_tokens);
    usage_.prompt_tokens = input_ + written_ + usage_.cached_tokens;
  }

  Status start_block(const Json& event) {
    const Json& block = event["content_block"];
    if (block["type"].as_string() != "tool_use") return ok();
    if (++calls_seen_ > kUpstreamToolCallsMax) return upstream_error("too many tool calls");
    ToolCall call{block["id"].as_string(), block["name"].as_string(), {}};
    if (call.name.empty()) return upstream_error("a tool call without a name");
    calls_[event["index"].as_int(-1)] = std::move(call);
    return ok();
  }

  Status add_delta(const Json& event, std::vector<ChatEvent>& events) {
    const Json& delta = event["delta"];
    const std::string& type = delta["type"].as_string();
    if (type == "text_delta" && !delta["text"].as_string().empty()) {
      ChatEvent text = event_of(ChatEvent::Kind::text);
      text.text = delta["text"].as_string();
      events.push_back(std::move(text));
    }
    if (type != "input_json_delta") return ok();
    const auto call = calls_.find(event["index"].as_int(-1));
    if (call == calls_.end()) return upstream_error("arguments of a call that did not begin");
    call->second.arguments += delta["partial_json"].as_string();
    if (call->second.arguments.size() <= kUpstreamArgumentsBytesMax) return ok();
    return upstream_error("the arguments of a tool call are too large");
  }

  void stop_block(const Json& event, std::vector<ChatEvent>& events) {
    const auto call = calls_.find(event["index"].as_int(-1));
    if (call == calls_.end()) return;
    ChatEvent whole = event_of(ChatEvent::Kind::tool_call);
    whole.tool_call = std::move(call->second);
    if (whole.tool_call.arguments.empty()) whole.tool_call.arguments = "{}";
    calls_.erase(call);
    events.push_back(std::move(whole));
  }

  void add_end(const Json& event) {
    add_usage(event["usage"]);
    const Json& reason = event["delta"]["stop_reason"];
    if (!reason.is_string()) return;
    reason_ = finish_reason_of(reason.as_string());
    const std::string& match = event["delta"]["stop_sequence"].as_string();
    if (match.size() <= kUpstreamStopBytesMax) stop_match_ = match;
  }

  static ChatEvent failure_of(const Json& error) {
    ChatEvent failed = event_of(ChatEvent::Kind::failed);
    const std::string& message = error["message"].as_string();
    failed.error = make_error(code_of_type(error["type"].as_string()),
                              message.empty() ? "the upstream's answer: an error without a message"
                                              : shorten(message, kUpstreamMessageBytesMax));
    return failed;
  }

  std::map<int64_t, ToolCall> calls_;  // begun and not ended, by the index of their block
  size_t calls_seen_ = 0;
  int64_t input_ = 0;
  int64_t written_ = 0;  // to the upstream's cache
  Usage usage_;
  std::optional<FinishReason> reason_;
  std::string stop_match_;
  bool is_finished_ = false;
};

}  // namespace

std::unique_ptr<StreamDecoder> create_event_decoder() { return std::make_unique<EventDecoder>(); }

// The shapes of both formats' errors have the message in the same place.
Error decode_error(int http_status, std::string_view body) {
  Error error = openai::decode_error(http_status, body);
  if (http_status == kOverloadedStatus) error.code = ErrorCode::overloaded;
  return error;
}

}  // namespace plinth::protocol::anthropic
