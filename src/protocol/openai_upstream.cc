// SPDX-License-Identifier: Apache-2.0
// The client side of OpenAI's format: requests to upstream servers, and reading what they answer.
// An upstream is foreign: every list and text it sends is bounded, and a broken answer is
// upstream_failed.
#include <algorithm>

#include "base/text.h"
#include "protocol/openai.h"
#include "protocol/openai/logprobs.h"
#include "protocol/openai/response_format.h"
#include "protocol/openai/sampling.h"

namespace plinth::protocol::openai {
namespace {

constexpr size_t kUpstreamToolCallsMax = 128;
constexpr size_t kUpstreamArgumentsBytesMax = 1u << 20;   // of one tool call
constexpr int64_t kUpstreamTokensMax = int64_t{1} << 40;  // counts stay far from overflow
constexpr size_t kUpstreamStopBytesMax = 1024;
constexpr size_t kUpstreamMessageBytesMax = 1024;  // of an error message passed on

Error upstream_error(std::string_view cause) {
  return make_error(ErrorCode::upstream_failed, "the upstream's answer: " + std::string(cause));
}

ChatEvent event_of(ChatEvent::Kind kind) {
  ChatEvent event;
  event.kind = kind;
  return event;
}

Json encode_message(const Message& message) {
  Json encoded = Json::object({{"role", role_name(message.role)}});
  const bool has_only_calls = message.content.empty() && !message.tool_calls.empty();
  encoded.set("content", has_only_calls ? Json() : Json(message.content));
  if (!message.reasoning.empty()) encoded.set("reasoning_content", message.reasoning);
  if (!message.name.empty()) encoded.set("name", message.name);
  if (message.role == Role::tool) encoded.set("tool_call_id", message.tool_call_id);
  if (!message.tool_calls.empty()) {
    Json calls = Json::array();
    for (const ToolCall& call : message.tool_calls) {
      calls.push(Json::object(
          {{"id", call.id},
           {"type", "function"},
           {"function", Json::object({{"name", call.name}, {"arguments", call.arguments}})}}));
    }
    encoded.set("tool_calls", std::move(calls));
  }
  return encoded;
}

Json encode_tools(const std::vector<ToolSpec>& tools) {
  Json encoded = Json::array();
  for (const ToolSpec& tool : tools) {
    Json function = Json::object({{"name", tool.name}});
    if (!tool.description.empty()) function.set("description", tool.description);
    function.set("parameters", tool.parameters);
    if (tool.is_strict) function.set("strict", true);
    encoded.push(Json::object({{"type", "function"}, {"function", std::move(function)}}));
  }
  return encoded;
}

void set_stream(Json& body, bool is_stream) {
  body.set("stream", is_stream);
  if (is_stream) body.set("stream_options", Json::object({{"include_usage", true}}));
}

std::string_view tool_choice_name(ToolChoice choice) {
  switch (choice) {
    case ToolChoice::none:
      return "none";
    case ToolChoice::required:
      return "required";
    case ToolChoice::automatic:
      break;
  }
  return "auto";
}

// A reason this table does not know (a content filter, an abort) is no natural end of the reply.
FinishReason finish_reason_of(std::string_view name) {
  if (name == "stop") return FinishReason::stop;
  if (name == "length") return FinishReason::length;
  if (name == "tool_calls" || name == "function_call") return FinishReason::tool_calls;
  return FinishReason::error;
}

// vLLM and SGLang tell which string it was; a number is a token of the model's own end.
std::string decode_stop_match(const Json& choice) {
  for (const char* key : {"stop_reason", "matched_stop"}) {
    const std::string& match = choice[key].as_string();
    if (!match.empty()) return match.size() <= kUpstreamStopBytesMax ? match : std::string();
  }
  return {};
}

Usage decode_usage(const Json& usage) {
  const auto count = [](const Json& value) {
    return std::clamp<int64_t>(value.as_int(), 0, kUpstreamTokensMax);
  };
  return Usage{.prompt_tokens = count(usage["prompt_tokens"]),
               .completion_tokens = count(usage["completion_tokens"]),
               .cached_tokens = count(usage["prompt_tokens_details"]["cached_tokens"]),
               .reasoning_tokens = count(usage["completion_tokens_details"]["reasoning_tokens"])};
}

// Servers name it either way, in messages and in deltas alike.
const std::string& reasoning_of(const Json& message) {
  const std::string& content = message["reasoning_content"].as_string();
  return content.empty() ? message["reasoning"].as_string() : content;
}

// The texts an error body may carry, in the shapes that OpenAI, vLLM, llama.cpp and FastAPI use.
std::string error_text(const Json& body) {
  const Json& error = body["error"];
  for (const Json* candidate : {&error["message"], &error, &body["message"], &body["detail"]}) {
    if (!candidate->as_string().empty()) return candidate->as_string();
  }
  return {};
}

ErrorCode code_of_status(int http_status) {
  switch (http_status) {
    case 400:
    case 422:
      return ErrorCode::invalid_argument;
    case 404:
      return ErrorCode::not_found;
    case 413:
      return ErrorCode::too_large;
    case 429:
      return ErrorCode::overloaded;
    case 503:
    case 504:
      return ErrorCode::unavailable;
    default:
      // 401 and 403 too: the credential at fault is ours, not the caller's.
      return ErrorCode::upstream_failed;
  }
}

Error error_of(int http_status, const Json& body, std::string_view raw) {
  std::string text = error_text(body);
  if (text.empty()) text = is_utf8(raw) ? std::string(trim(raw)) : "(a body that is not text)";
  Error error = make_error(code_of_status(http_status),
                           "the upstream answered " + std::to_string(http_status) + ": " +
                               shorten(text, kUpstreamMessageBytesMax));
  if (body["error"]["code"].as_string() == "context_length_exceeded") {
    error.code = ErrorCode::context_length_exceeded;
  }
  if (error_row(error.code).http_status == 400) error.param = body["error"]["param"].as_string();
  return error;
}

Result<std::vector<ToolCall>> decode_reply_calls(const Json& list) {
  std::vector<ToolCall> calls;
  if (list.size() > kUpstreamToolCallsMax) return upstream_error("too many tool calls");
  for (const Json& item : list.items()) {
    const Json& function = item["function"];
    ToolCall call{.id = item["id"].as_string(),
                  .name = function["name"].as_string(),
                  .arguments = function["arguments"].as_string()};
    if (call.name.empty()) return upstream_error("a tool call without a name");
    if (call.arguments.size() > kUpstreamArgumentsBytesMax) {
      return upstream_error("the arguments of a tool call are too large");
    }
    calls.push_back(std::move(call));
  }
  return calls;
}

}  // namespace

Json encode_completion(const ChatRequest& request, bool is_stream) {
  Json body = Json::object({{"model", request.model}});
  const PlainPrompt& prompt = *request.prompt;
  if (prompt.tokens.empty()) {
    body.set("prompt", prompt.text);
  } else {
    Json::Array tokens(prompt.tokens.begin(), prompt.tokens.end());
    body.set("prompt", Json(std::move(tokens)));
  }
  encode_sampling(request, body);
  if (request.logprobs_top) {
    body.erase("top_logprobs");
    body.set("logprobs", *request.logprobs_top);
  }
  if (request.reply_format) {
    body.set("response_format", encode_response_format(*request.reply_format));
  }
  if (!request.user.empty()) body.set("user", request.user);
  set_stream(body, is_stream);
  return body;
}

Json encode_chat(const ChatRequest& request, bool is_stream) {
  Json messages = Json::array();
  for (const Message& message : request.messages) messages.push(encode_message(message));
  Json body = Json::object({{"model", request.model}, {"messages", std::move(messages)}});
  encode_sampling(request, body);
  if (request.reply_format) {
    body.set("response_format", encode_response_format(*request.reply_format));
  }
  if (!request.tools.empty()) {
    body.set("tools", encode_tools(request.tools));
    body.set("tool_choice", tool_choice_name(request.tool_choice));
    if (request.is_one_call_at_most) body.set("parallel_tool_calls", false);
  }
  if (!request.user.empty()) body.set("user", request.user);
  set_stream(body, is_stream);
  return body;
}

Result<ChatReply> decode_reply(const Json& body) {
  if (!body["error"].is_null()) return error_of(502, body, "");
  const Json::Array& choices = body["choices"].items();
  if (choices.empty()) return upstream_error("no choices");
  const Json& message = choices.front()["message"];
  if (!message.is_object()) return upstream_error("a choice without a message");
  const Json& reason = choices.front()["finish_reason"];
  if (!reason.is_string()) return upstream_error("a choice without a finish_reason");
  ChatReply reply;
  reply.text = message["content"].as_string();
  reply.reasoning = reasoning_of(message);
  reply.tool_calls = TRY(decode_reply_calls(message["tool_calls"]));
  reply.reason = finish_reason_of(reason.as_string());
  reply.stop_match = decode_stop_match(choices.front());
  reply.logprobs = decode_logprobs(choices.front()["logprobs"]);
  reply.usage = decode_usage(body["usage"]);
  return reply;
}

Error decode_error(int http_status, std::string_view body) {
  const auto parsed = Json::parse(body);
  return error_of(http_status, parsed.is_ok() ? *parsed : Json(), body);
}

Status ChunkDecoder::add_call_delta(const Json& delta) {
  // Some servers leave the index out: then a new id begins a call and anything else continues the
  // last one.
  const bool begins = calls_.empty() || (!delta["id"].as_string().empty() &&
                                         delta["id"].as_string() != calls_.back().id);
  const int64_t fallback = static_cast<int64_t>(calls_.size()) - (begins ? 0 : 1);
  const int64_t index = delta["index"].as_int(fallback);
  if (index < 0 || index >= static_cast<int64_t>(kUpstreamToolCallsMax)) {
    return upstream_error("a tool call with index " + std::to_string(index));
  }
  if (static_cast<size_t>(index) >= calls_.size()) calls_.resize(static_cast<size_t>(index) + 1);
  ToolCall& call = calls_[static_cast<size_t>(index)];
  if (call.id.empty()) call.id = delta["id"].as_string();
  const Json& function = delta["function"];
  if (call.name.empty()) call.name = function["name"].as_string();
  call.arguments += function["arguments"].as_string();
  if (call.arguments.size() > kUpstreamArgumentsBytesMax) {
    return upstream_error("the arguments of a tool call are too large");
  }
  return ok();
}

Result<std::vector<ChatEvent>> ChunkDecoder::feed(const Json& chunk) {
  std::vector<ChatEvent> events;
  if (is_finished_) return upstream_error("a chunk after the end");
  if (!chunk.is_object()) return upstream_error("a chunk that is not an object");
  if (!chunk["error"].is_null()) {
    ChatEvent failed = event_of(ChatEvent::Kind::failed);
    failed.error = error_of(502, chunk, "");
    is_finished_ = true;
    events.push_back(std::move(failed));
    return events;
  }
  if (chunk["usage"].is_object()) usage_ = decode_usage(chunk["usage"]);
  const Json::Array& choices = chunk["choices"].items();
  if (choices.empty()) return events;
  const Json& delta = choices.front()["delta"];
  if (!reasoning_of(delta).empty()) {
    ChatEvent reasoning = event_of(ChatEvent::Kind::reasoning);
    reasoning.text = reasoning_of(delta);
    events.push_back(std::move(reasoning));
  }
  // A chat's choice has a delta, a completion's the text itself.
  const Json& content = delta.is_object() ? delta["content"] : choices.front()["text"];
  if (!content.as_string().empty()) {
    ChatEvent text = event_of(ChatEvent::Kind::text);
    text.text = content.as_string();
    text.logprobs = decode_logprobs(choices.front()["logprobs"]);
    events.push_back(std::move(text));
  }
  for (const Json& call : delta["tool_calls"].items()) TRY(add_call_delta(call));
  const Json& reason = choices.front()["finish_reason"];
  if (!reason.is_string()) return events;
  reason_ = finish_reason_of(reason.as_string());
  stop_match_ = decode_stop_match(choices.front());
  for (ToolCall& call : calls_) {
    // A server that counts from 1 leaves the first place empty.
    if (call.id.empty() && call.name.empty() && call.arguments.empty()) continue;
    if (call.name.empty()) return upstream_error("a tool call without a name");
    ChatEvent whole = event_of(ChatEvent::Kind::tool_call);
    whole.tool_call = std::move(call);
    events.push_back(std::move(whole));
  }
  calls_.clear();
  return events;
}

Result<std::vector<ChatEvent>> ChunkDecoder::finish() {
  std::vector<ChatEvent> events;
  if (is_finished_) return events;
  is_finished_ = true;
  if (!reason_) return upstream_error("the stream ended without a finish_reason");
  ChatEvent finished = event_of(ChatEvent::Kind::finished);
  finished.reason = *reason_;
  finished.stop_match = std::move(stop_match_);
  finished.usage = usage_;
  events.push_back(std::move(finished));
  return events;
}

}  // namespace plinth::protocol::openai
