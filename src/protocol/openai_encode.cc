// SPDX-License-Identifier: Apache-2.0
// Encoding what OpenAI clients expect: replies, stream chunks, models, errors.
#include "protocol/openai.h"
#include "protocol/openai/logprobs.h"
#include "protocol/openai/usage.h"

namespace plinth::protocol::openai {
namespace {

Json encode_tool_call(const ToolCall& call) {
  return Json::object(
      {{"id", call.id},
       {"type", "function"},
       {"function", Json::object({{"name", call.name}, {"arguments", call.arguments}})}});
}

Json chunk_of(const ReplyHead& head, Json choices) {
  return Json::object({{"id", head.id},
                       {"object", "chat.completion.chunk"},
                       {"created", head.created_unix_s},
                       {"model", head.model},
                       {"choices", std::move(choices)}});
}

Json chunk_of_delta(const ReplyHead& head, size_t index, Json delta, Json finish_reason,
                    Json logprobs = nullptr) {
  Json choice = Json::object({{"index", index},
                              {"delta", std::move(delta)},
                              {"logprobs", std::move(logprobs)},
                              {"finish_reason", std::move(finish_reason)}});
  return chunk_of(head, Json::array().push(std::move(choice)));
}

Json encode_choice(size_t index, const ChatReply& reply) {
  Json message = Json::object({{"role", "assistant"}});
  const bool has_only_calls = reply.text.empty() && !reply.tool_calls.empty();
  message.set("content", has_only_calls ? Json() : Json(reply.text));
  if (!reply.reasoning.empty()) message.set("reasoning_content", reply.reasoning);
  message.set("refusal", nullptr);
  if (!reply.tool_calls.empty()) {
    Json calls = Json::array();
    for (const ToolCall& call : reply.tool_calls) calls.push(encode_tool_call(call));
    message.set("tool_calls", std::move(calls));
  }
  return Json::object({{"index", index},
                       {"message", std::move(message)},
                       {"logprobs", encode_logprobs(reply.logprobs)},
                       {"finish_reason", finish_reason_name(reply.reason)}});
}

}  // namespace

Json encode_reply(const ReplyHead& head, const std::vector<ChatReply>& replies) {
  Json choices = Json::array();
  for (size_t i = 0; i < replies.size(); ++i) choices.push(encode_choice(i, replies[i]));
  return Json::object({{"id", head.id},
                       {"object", "chat.completion"},
                       {"created", head.created_unix_s},
                       {"model", head.model},
                       {"choices", std::move(choices)},
                       {"usage", encode_usage(usage_of(replies))}});
}

Json encode_first_chunk(const ReplyHead& head, size_t choice) {
  return chunk_of_delta(head, choice, Json::object({{"role", "assistant"}, {"content", ""}}),
                        nullptr);
}

Json encode_chunk(const ReplyHead& head, size_t choice, const ChatEvent& event,
                  size_t tool_call_index) {
  switch (event.kind) {
    case ChatEvent::Kind::text:
      return chunk_of_delta(head, choice, Json::object({{"content", event.text}}), nullptr,
                            encode_logprobs(event.logprobs));
    case ChatEvent::Kind::reasoning:
      return chunk_of_delta(head, choice, Json::object({{"reasoning_content", event.text}}),
                            nullptr);
    case ChatEvent::Kind::tool_call: {
      Json call = encode_tool_call(event.tool_call);
      call.set("index", tool_call_index);
      Json delta = Json::object({{"tool_calls", Json::array().push(std::move(call))}});
      return chunk_of_delta(head, choice, std::move(delta), nullptr);
    }
    case ChatEvent::Kind::finished:
      return chunk_of_delta(head, choice, Json::object(), finish_reason_name(event.reason),
                            encode_logprobs(event.logprobs));
    case ChatEvent::Kind::failed:
      break;
  }
  return encode_error(event.error);
}

Json encode_usage_chunk(const ReplyHead& head, const Usage& usage) {
  Json chunk = chunk_of(head, Json::array());
  chunk.set("usage", encode_usage(usage));
  return chunk;
}

Json encode_model(const ModelCard& model) {
  return Json::object({{"id", model.id},
                       {"object", "model"},
                       {"created", model.created_unix_s},
                       {"owned_by", model.owner}});
}

Json encode_models(const std::vector<ModelCard>& models) {
  Json::Array items;
  items.reserve(models.size());
  for (const ModelCard& model : models) items.push_back(encode_model(model));
  return Json::object({{"object", "list"}, {"data", std::move(items)}});
}

Json encode_error(const Error& error) {
  const ErrorRow& row = error_row(error.code);
  return Json::object(
      {{"error", Json::object({{"message", error.message},
                               {"type", row.openai_type},
                               {"param", error.param.empty() ? Json() : Json(error.param)},
                               {"code", row.name}})}});
}

}  // namespace plinth::protocol::openai
