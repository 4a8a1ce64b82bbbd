// SPDX-License-Identifier: Apache-2.0
// Every event has its type, a sequence number and, below the response, the index of its item.
#include "protocol/responses.h"

#include "protocol/openai.h"
#include "protocol/openai/logprobs.h"

namespace plinth::protocol::responses {
namespace {

Json encode_part(const std::string& text, Json logprobs) {
  return Json::object({{"type", "output_text"},
                       {"text", text},
                       {"annotations", Json::array()},
                       {"logprobs", std::move(logprobs)}});
}

Json encode_message(const Item& item, std::string_view status, Json content) {
  return Json::object({{"id", item.id},
                       {"type", "message"},
                       {"status", status},
                       {"role", "assistant"},
                       {"content", std::move(content)}});
}

Json encode_usage(const Usage& usage) {
  return Json::object(
      {{"input_tokens", usage.prompt_tokens},
       {"input_tokens_details", Json::object({{"cached_tokens", usage.cached_tokens}})},
       {"output_tokens", usage.completion_tokens},
       {"output_tokens_details", Json::object({{"reasoning_tokens", usage.reasoning_tokens}})},
       {"total_tokens", usage.prompt_tokens + usage.completion_tokens}});
}

std::string_view status_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop:
    case FinishReason::tool_calls:
      return "completed";
    case FinishReason::length:
      return "incomplete";
    case FinishReason::cancelled:
    case FinishReason::error:
      break;
  }
  return "failed";
}

// The few codes that the API has for a response that failed.
std::string_view code_of(const Error& error) {
  if (error.code == ErrorCode::rate_limited || error.code == ErrorCode::overloaded) {
    return "rate_limit_exceeded";
  }
  return error_row(error.code).http_status == 400 ? "invalid_prompt" : "server_error";
}

Json encode_failure(const Error& error) {
  return Json::object({{"code", code_of(error)}, {"message", error.message}});
}

}  // namespace

std::vector<Frame> ResponseEncoder::begin() {
  std::vector<Frame> frames;
  for (const char* type : {"response.created", "response.in_progress"}) {
    frames.push_back(frame(type, Json::object({{"response", response("in_progress")}})));
  }
  return frames;
}

std::vector<Frame> ResponseEncoder::event(size_t /*choice*/, const ChatEvent& event) {
  std::vector<Frame> frames;
  switch (event.kind) {
    case ChatEvent::Kind::text:
      add_text(event, frames);
      break;
    case ChatEvent::Kind::reasoning:
      break;  // counted in the usage, not shown
    case ChatEvent::Kind::tool_call:
      add_call(event.tool_call, frames);
      break;
    case ChatEvent::Kind::finished:
      finish(event, frames);
      break;
    case ChatEvent::Kind::failed:
      return fail(event.error);
  }
  return frames;
}

std::vector<Frame> ResponseEncoder::end(const Usage& /*usage*/) {
  const std::string type = "response." + std::string(status_of(end_->reason));
  return {frame(type, Json::object({{"response", ended()}}))};
}

std::vector<Frame> ResponseEncoder::fail(const Error& error) {
  Json failed = response("failed");
  failed.set("error", encode_failure(error));
  return {frame("response.failed", Json::object({{"response", std::move(failed)}}))};
}

Json ResponseEncoder::whole(const std::vector<ChatReply>& replies) {
  return finished(replies.front());
}

Json ResponseEncoder::error(const Error& error) const { return openai::encode_error(error); }

Json ResponseEncoder::finished(const ChatReply& reply) {
  if (end_) return ended();
  ChatEvent text;
  text.text = reply.text;
  text.logprobs = reply.logprobs;
  if (!reply.text.empty()) event(0, text);
  for (const ToolCall& call : reply.tool_calls) {
    ChatEvent called;
    called.kind = ChatEvent::Kind::tool_call;
    called.tool_call = call;
    event(0, called);
  }
  ChatEvent end;
  end.kind = ChatEvent::Kind::finished;
  end.reason = reply.reason;
  end.usage = reply.usage;
  event(0, end);
  return ended();
}

void ResponseEncoder::add_text(const ChatEvent& event, std::vector<Frame>& frames) {
  if (!open_) open_message(frames);
  open_->item.text += event.text;
  Json logprobs = Json::array();
  if (head_.are_logprobs_wanted && !event.logprobs.empty()) {
    logprobs = openai::encode_logprobs(event.logprobs)["content"];
    for (const Json& entry : logprobs.items()) open_->logprobs.push(entry);
  }
  if (event.text.empty()) return;
  frames.push_back(
      frame("response.output_text.delta", Json::object({{"item_id", open_->item.id},
                                                        {"output_index", output_.size()},
                                                        {"content_index", 0},
                                                        {"delta", event.text},
                                                        {"logprobs", logprobs}})));
}

void ResponseEncoder::open_message(std::vector<Frame>& frames) {
  OpenMessage& open = open_.emplace();
  open.item.role = Role::assistant;
  open.item.id = item_id("msg", head_.id, 'o', output_.size());
  frames.push_back(
      frame("response.output_item.added",
            Json::object({{"output_index", output_.size()},
                          {"item", encode_message(open.item, "in_progress", Json::array())}})));
  frames.push_back(frame("response.content_part.added",
                         Json::object({{"item_id", open.item.id},
                                       {"output_index", output_.size()},
                                       {"content_index", 0},
                                       {"part", encode_part("", Json::array())}})));
}

void ResponseEncoder::close_message(std::string_view status, std::vector<Frame>& frames) {
  if (!open_) return;
  const OpenMessage open = *std::exchange(open_, std::nullopt);
  const Json part = encode_part(open.item.text, open.logprobs);
  const auto placed = [&](const char* name, Json value) {
    return Json::object({{"item_id", open.item.id},
                         {"output_index", output_.size()},
                         {"content_index", 0},
                         {name, std::move(value)}});
  };
  Json done = placed("text", open.item.text);
  done.set("logprobs", open.logprobs);
  frames.push_back(frame("response.output_text.done", std::move(done)));
  frames.push_back(frame("response.content_part.done", placed("part", part)));
  keep(open.item, encode_message(open.item, status, Json::array().push(part)), frames);
}

void ResponseEncoder::add_call(const ToolCall& call, std::vector<Frame>& frames) {
  close_message("completed", frames);
  Item item;
  item.kind = Item::Kind::function_call;
  item.id = item_id("fc", head_.id, 'o', output_.size());
  item.call = call;
  Json added = encode_item(item, "in_progress");
  added.set("arguments", "");
  frames.push_back(
      frame("response.output_item.added",
            Json::object({{"output_index", output_.size()}, {"item", std::move(added)}})));
  const auto placed = [&](const char* name) {
    return Json::object(
        {{"item_id", item.id}, {"output_index", output_.size()}, {name, call.arguments}});
  };
  frames.push_back(frame("response.function_call_arguments.delta", placed("delta")));
  Json done = placed("arguments");
  done.set("name", call.name);
  frames.push_back(frame("response.function_call_arguments.done", std::move(done)));
  keep(item, encode_item(item), frames);
}

void ResponseEncoder::keep(Item item, Json encoded, std::vector<Frame>& frames) {
  frames.push_back(frame("response.output_item.done",
                         Json::object({{"output_index", output_.size()}, {"item", encoded}})));
  output_.push_back(std::move(item));
  encoded_.push_back(std::move(encoded));
}

void ResponseEncoder::finish(const ChatEvent& event, std::vector<Frame>& frames) {
  // A reply of nothing is a message of nothing.
  if (output_.empty() && !open_) open_message(frames);
  if (open_) add_text(event, frames);
  const bool is_whole = status_of(event.reason) == "completed";
  close_message(is_whole ? "completed" : "incomplete", frames);
  end_ = event;
}

Json ResponseEncoder::response(std::string_view status) const {
  Json response = Json::object({{"id", head_.id},
                                {"object", "response"},
                                {"created_at", head_.created_unix_s},
                                {"status", status},
                                {"error", nullptr},
                                {"incomplete_details", nullptr},
                                {"model", head_.model},
                                {"output", encoded_},
                                {"usage", nullptr}});
  for (const auto& [name, value] : head_.settings.members()) response.set(name, value);
  return response;
}

Json ResponseEncoder::ended() const {
  Json ended = response(status_of(end_->reason));
  ended.set("usage", encode_usage(end_->usage));
  if (end_->reason == FinishReason::length) {
    ended.set("incomplete_details", Json::object({{"reason", "max_output_tokens"}}));
  }
  if (status_of(end_->reason) == "failed") {
    ended.set("error",
              encode_failure(make_error(ErrorCode::upstream_failed,
                                        "the reply ended before its end: " +
                                            std::string(finish_reason_name(end_->reason)))));
  }
  return ended;
}

Frame ResponseEncoder::frame(std::string_view type, Json members) {
  Json event = Json::object({{"type", type}, {"sequence_number", sequence_++}});
  for (auto& [name, value] : members.members_mutable()) event.set(name, std::move(value));
  return {event.dump(), std::string(type)};
}

Json encode_item_list(const std::vector<Json>& items, bool has_more) {
  return Json::object({{"object", "list"},
                       {"data", items},
                       {"first_id", items.empty() ? Json() : items.front()["id"]},
                       {"last_id", items.empty() ? Json() : items.back()["id"]},
                       {"has_more", has_more}});
}

Json encode_removed(const std::string& id) {
  return Json::object({{"id", id}, {"object", "response"}, {"deleted", true}});
}

}  // namespace plinth::protocol::responses
