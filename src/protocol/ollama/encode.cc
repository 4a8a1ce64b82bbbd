// SPDX-License-Identifier: Apache-2.0
// Replies, embeddings and models as Ollama's clients read them.
#include <cmath>
#include <cstdio>

#include "protocol/ollama.h"

namespace plinth::protocol::ollama {
namespace {

Json encode_call(const ToolCall& call, size_t index) {
  Json function =
      Json::object({{"index", index}, {"name", call.name}, {"arguments", arguments_object(call)}});
  return Json::object({{"id", call.id}, {"function", std::move(function)}});
}

Json reply_of(ReplyShape shape, const ReplyHead& head, std::string_view text,
              std::string_view thinking = {}, const std::vector<ToolCall>& calls = {},
              size_t first_call = 0) {
  Json body = Json::object({{"model", head.model}, {"created_at", head.created_at}});
  if (shape == ReplyShape::generate) {
    if (!thinking.empty()) body.set("thinking", thinking);
    return body.set("response", text);
  }
  Json message = Json::object({{"role", "assistant"}, {"content", text}});
  if (!thinking.empty()) message.set("thinking", thinking);
  if (!calls.empty()) {
    Json list = Json::array();
    for (size_t i = 0; i < calls.size(); ++i) list.push(encode_call(calls[i], first_call + i));
    message.set("tool_calls", std::move(list));
  }
  return body.set("message", std::move(message));
}

// Ollama has no reason of its own for a reply that ends in tool calls.
std::string_view done_reason(FinishReason reason) {
  return finish_reason_name(reason == FinishReason::tool_calls ? FinishReason::stop : reason);
}

void set_done(Json& body, FinishReason reason, const Usage& usage, const ReplyTimes& times) {
  body.set("done", true);
  body.set("done_reason", done_reason(reason));
  body.set("total_duration", times.wait_ns + times.prompt_ns + times.reply_ns);
  body.set("load_duration", times.wait_ns);
  body.set("prompt_eval_count", usage.prompt_tokens);
  body.set("prompt_eval_duration", times.prompt_ns);
  body.set("eval_count", usage.completion_tokens);
  body.set("eval_duration", times.reply_ns);
}

class LinesEncoder final : public ReplyEncoder {
 public:
  LinesEncoder(ReplyShape shape, ReplyHead head) : shape_(shape), head_(std::move(head)) {}

  Framing framing() const override { return Framing::lines; }
  std::vector<Frame> begin() override { return {}; }

  std::vector<Frame> event(size_t, const ChatEvent& event) override {
    switch (event.kind) {
      case ChatEvent::Kind::text:
        return {going_on(reply_of(shape_, head_, event.text))};
      case ChatEvent::Kind::reasoning:
        return {going_on(reply_of(shape_, head_, "", event.text))};
      case ChatEvent::Kind::tool_call:
        return {going_on(reply_of(shape_, head_, "", {}, {event.tool_call}, calls_++))};
      case ChatEvent::Kind::finished:
        reason_ = event.reason;
        times_ = event.times;
        break;
      case ChatEvent::Kind::failed:
        break;  // comes through fail()
    }
    return {};
  }

  std::vector<Frame> end(const Usage& usage) override {
    Json last = reply_of(shape_, head_, "");
    set_done(last, reason_, usage, times_);
    return {{last.dump()}};
  }

  std::vector<Frame> fail(const Error& error) override { return {{encode_error(error).dump()}}; }

  Json whole(const std::vector<ChatReply>& replies) override {
    const ChatReply& reply = replies.front();
    Json body = reply_of(shape_, head_, reply.text, reply.reasoning, reply.tool_calls);
    set_done(body, reply.reason, reply.usage, reply.times);
    return body;
  }

  Json error(const Error& error) const override { return encode_error(error); }

 private:
  static Frame going_on(Json body) { return {body.set("done", false).dump()}; }

  const ReplyShape shape_;
  const ReplyHead head_;
  size_t calls_ = 0;
  FinishReason reason_ = FinishReason::stop;
  ReplyTimes times_;
};

Json encode_vector(const std::vector<float>& vector) {
  Json::Array numbers;
  numbers.reserve(vector.size());
  for (const float value : vector) numbers.emplace_back(static_cast<double>(value));
  return Json(std::move(numbers));
}

// "8.0B", "361.82M": as Ollama prints them.
std::string shown_count(int64_t count) {
  constexpr double kBillion = 1e9;
  constexpr double kMillion = 1e6;
  const auto number = static_cast<double>(count);
  const double unit = number >= kBillion ? kBillion : number >= kMillion ? kMillion : 1e3;
  if (number < 1e3) return std::to_string(count);
  const double share = number / unit;
  const bool is_whole = share == std::floor(share);
  const int decimals = is_whole || unit == 1e3 ? 0 : unit == kBillion ? 1 : 2;
  char text[32];
  std::snprintf(text, sizeof(text), "%.*f%s", decimals, share,
                unit == kBillion   ? "B"
                : unit == kMillion ? "M"
                                   : "K");
  return text;
}

Json encode_details(const ModelCard& model) {
  Json details = Json::object();
  if (!model.format.empty()) details.set("format", model.format);
  if (!model.architecture.empty()) {
    details.set("family", model.architecture);
    details.set("families", Json::array().push(model.architecture));
  }
  if (model.parameters) details.set("parameter_size", shown_count(*model.parameters));
  if (!model.quantization.empty()) details.set("quantization_level", model.quantization);
  return details;
}

// Ollama's digest is a hash of the model's file, which nothing here computes.
Json encode_card(const ModelCard& model) {
  Json card = Json::object({{"name", model.name}, {"model", model.name}});
  if (!model.modified_at.empty()) card.set("modified_at", model.modified_at);
  if (model.file_bytes) card.set("size", *model.file_bytes);
  card.set("digest", "");
  card.set("details", encode_details(model));
  return card;
}

}  // namespace

std::unique_ptr<ReplyEncoder> create_reply_encoder(ReplyShape shape, ReplyHead head) {
  return std::make_unique<LinesEncoder>(shape, std::move(head));
}

Json encode_loaded(ReplyShape shape, const ReplyHead& head) {
  return reply_of(shape, head, "").set("done", true).set("done_reason", "load");
}

Json encode_embed(const std::string& model, const std::vector<std::vector<float>>& vectors,
                  int64_t prompt_tokens, int64_t total_ns) {
  Json list = Json::array();
  for (const auto& vector : vectors) list.push(encode_vector(vector));
  return Json::object({{"model", model},
                       {"embeddings", std::move(list)},
                       {"total_duration", total_ns},
                       {"load_duration", 0},
                       {"prompt_eval_count", prompt_tokens}});
}

Json encode_embeddings(const std::vector<float>& vector) {
  return Json::object({{"embedding", encode_vector(vector)}});
}

Json encode_tags(const std::vector<ModelCard>& models) {
  Json list = Json::array();
  for (const ModelCard& model : models) list.push(encode_card(model));
  return Json::object({{"models", std::move(list)}});
}

Json encode_running(const std::vector<ModelCard>& models) {
  Json list = Json::array();
  for (const ModelCard& model : models) {
    Json card = encode_card(model);
    card.erase("modified_at");
    list.push(std::move(card));
  }
  return Json::object({{"models", std::move(list)}});
}

Json encode_show(const ModelCard& model) {
  Json known = Json::object();
  if (!model.architecture.empty()) {
    known.set("general.architecture", model.architecture);
    const auto set = [&](const std::string& key, const std::optional<int64_t>& value) {
      if (value) known.set(key, *value);
    };
    set("general.parameter_count", model.parameters);
    set(model.architecture + ".context_length", model.context_tokens);
    set(model.architecture + ".embedding_length", model.embedding);
    set(model.architecture + ".block_count", model.layers);
  }
  Json body = Json::object({{"details", encode_details(model)},
                            {"model_info", std::move(known)},
                            {"capabilities", Json::array_of(model.capabilities)}});
  if (!model.modified_at.empty()) body.set("modified_at", model.modified_at);
  return body;
}

Json encode_error(const Error& error) { return Json::object({{"error", error.message}}); }

}  // namespace plinth::protocol::ollama
