// SPDX-License-Identifier: Apache-2.0
// Requests to upstreams that speak the Messages API.
#include "base/text.h"
#include "protocol/anthropic.h"
#include "protocol/fields.h"

namespace plinth::protocol::anthropic {
namespace {

// The API wants a limit; every one of its models has at least this one.
constexpr int64_t kTokensWithoutLimit = 4096;

Json text_block(const std::string& text) {
  return Json::object({{"type", "text"}, {"text", text}});
}

Json blocks_of(const Message& message) {
  Json blocks = Json::array();
  if (message.role == Role::tool) {
    return blocks.push(Json::object({{"type", "tool_result"},
                                     {"tool_use_id", message.tool_call_id},
                                     {"content", message.content}}));
  }
  // The API refuses a block of empty text.
  if (!trim(message.content).empty()) blocks.push(text_block(message.content));
  for (const ToolCall& call : message.tool_calls) {
    blocks.push(Json::object({{"type", "tool_use"},
                              {"id", call.id},
                              {"name", call.name},
                              {"input", arguments_object(call)}}));
  }
  return blocks;
}

// Results of tools are part of a user's turn, and turns alternate.
Json encode_messages(const std::vector<Message>& messages) {
  Json turns = Json::array();
  for (const Message& message : messages) {
    if (message.role == Role::system) continue;
    const std::string_view role = message.role == Role::assistant ? "assistant" : "user";
    const Json blocks = blocks_of(message);
    if (blocks.size() == 0) continue;
    Json::Array& list = turns.items_mutable();
    if (list.empty() || list.back()["role"].as_string() != role) {
      turns.push(Json::object({{"role", role}, {"content", blocks}}));
      continue;
    }
    Json content = list.back()["content"];
    for (const Json& block : blocks.items()) content.push(block);
    list.back().set("content", std::move(content));
  }
  return turns;
}

std::string system_of(const std::vector<Message>& messages) {
  std::vector<std::string> texts;
  for (const Message& message : messages) {
    if (message.role == Role::system && !message.content.empty()) texts.push_back(message.content);
  }
  return join(texts, "\n\n");
}

void set_tools(Json& body, const ChatRequest& request) {
  if (request.tools.empty()) return;
  Json tools = Json::array();
  for (const ToolSpec& tool : request.tools) {
    Json encoded = Json::object({{"name", tool.name}});
    if (!tool.description.empty()) encoded.set("description", tool.description);
    tools.push(encoded.set("input_schema", tool.parameters));
  }
  body.set("tools", std::move(tools));
  const bool is_required = request.tool_choice == ToolChoice::required;
  const bool is_none = request.tool_choice == ToolChoice::none;
  Json choice = Json::object({{"type", is_required ? "any" : is_none ? "none" : "auto"}});
  if (request.is_one_call_at_most && !is_none) choice.set("disable_parallel_tool_use", true);
  body.set("tool_choice", std::move(choice));
}

void set_sampling(Json& body, const ChatRequest& request) {
  const auto set = [&](const char* name, const auto& value) {
    if (value) body.set(name, *value);
  };
  set("temperature", request.sampling.temperature);
  set("top_p", request.sampling.top_p);
  if (request.sampling.top_k.value_or(0) > 0) set("top_k", request.sampling.top_k);
  if (!request.stop.empty()) body.set("stop_sequences", Json::array_of(request.stop));
}

Status set_format(Json& body, const ChatRequest& request) {
  if (!request.reply_format) return ok();
  if (!request.reply_format->schema) {
    return unsupported_field("response_format",
                             "this upstream holds a reply to JSON by a schema; use json_schema");
  }
  Json format = Json::object({{"type", "json_schema"}, {"schema", *request.reply_format->schema}});
  body.set("output_config", Json::object({{"format", std::move(format)}}));
  return ok();
}

}  // namespace

Result<Json> encode_chat(const ChatRequest& request) {
  if (request.prompt) {
    return unsupported_field("prompt", "this upstream takes conversations; send messages");
  }
  if (request.logprobs_top) {
    return unsupported_field("logprobs", "this upstream gives no log probabilities");
  }
  if (request.is_end_ignored) {
    return unsupported_field("ignore_eos", "this upstream's replies end where its model ends them");
  }
  Json body = Json::object({{"model", request.model},
                            {"max_tokens", request.max_tokens.value_or(kTokensWithoutLimit)},
                            {"messages", encode_messages(request.messages)}});
  const std::string system = system_of(request.messages);
  if (!system.empty()) body.set("system", system);
  set_sampling(body, request);
  set_tools(body, request);
  TRY(set_format(body, request));
  if (!request.user.empty()) body.set("metadata", Json::object({{"user_id", request.user}}));
  body.set("stream", true);
  return body;
}

}  // namespace plinth::protocol::anthropic
