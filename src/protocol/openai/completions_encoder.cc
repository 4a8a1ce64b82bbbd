// SPDX-License-Identifier: Apache-2.0
// Replies of completions. Log probabilities have the older shape: parallel lists, with each token's
// place in the text.
#include "base/hash.h"
#include "base/text.h"
#include "protocol/openai/usage.h"
#include "protocol/openai_completions.h"

namespace plinth::protocol::openai {
namespace {

// A token that is a part of a character is written by its bytes, so that different ones differ.
std::string token_name(const std::string& bytes) {
  if (is_utf8(bytes)) return bytes;
  std::string name = "bytes:";
  for (const char byte : bytes) {
    const auto value = static_cast<uint8_t>(byte);
    name += "\\x" + hex({&value, 1});
  }
  return name;
}

int64_t characters_of(std::string_view text) {
  int64_t characters = 0;
  for (const char byte : text) {
    const bool is_continuation = (static_cast<unsigned char>(byte) & 0xc0u) == 0x80u;
    if (!is_continuation) ++characters;
  }
  return characters;
}

Json encode_top(const ChosenLogprob& entry) {
  Json top = Json::object();
  for (const TokenLogprob& other : entry.top) top.set(token_name(other.token), other.logprob);
  top.set(token_name(entry.chosen.token), entry.chosen.logprob);
  return top;
}

// `offset`: of the first token in the choice's text, in characters; moved past the last.
Json encode_parallel_logprobs(const std::vector<ChosenLogprob>& logprobs, int64_t& offset) {
  if (logprobs.empty()) return nullptr;
  Json tokens = Json::array(), values = Json::array(), tops = Json::array();
  Json offsets = Json::array();
  for (const ChosenLogprob& entry : logprobs) {
    tokens.push(token_name(entry.chosen.token));
    values.push(entry.chosen.logprob);
    tops.push(encode_top(entry));
    offsets.push(offset);
    offset += characters_of(entry.chosen.token);
  }
  return Json::object({{"tokens", std::move(tokens)},
                       {"token_logprobs", std::move(values)},
                       {"top_logprobs", std::move(tops)},
                       {"text_offset", std::move(offsets)}});
}

class CompletionEncoder final : public ReplyEncoder {
 public:
  CompletionEncoder(ReplyHead head, CompletionShape shape)
      : head_(std::move(head)),
        shape_(std::move(shape)),
        choices_(shape_.prompts * shape_.choices) {
    if (shape_.echoes.empty()) return;
    for (size_t i = 0; i < choices_.size(); ++i) {
      choices_[i].echo = shape_.echoes[i / shape_.choices];
    }
  }

  std::vector<Frame> begin() override { return {}; }

  std::vector<Frame> event(size_t choice, const ChatEvent& event) override {
    if (event.kind == ChatEvent::Kind::tool_call) return {};  // none is parsed out of a prompt's
    Choice& of = choices_[choice];
    const bool is_end = event.kind == ChatEvent::Kind::finished;
    if (is_end) of.end.usage = event.usage;
    const Json reason = is_end ? Json(finish_reason_name(event.reason)) : Json();
    return {{object_of({choice_of(choice, event.text, event.logprobs, reason)}).dump()}};
  }

  std::vector<Frame> end(const Usage& /*usage*/) override {
    std::vector<Frame> frames;
    if (shape_.is_usage_wanted) {
      std::vector<ChatReply> ends;
      for (const Choice& choice : choices_) ends.push_back(choice.end);
      Json chunk = object_of({});
      chunk.set("usage", encode_usage(usage_of_prompts(ends)));
      frames.push_back({chunk.dump()});
    }
    frames.push_back({std::string(kStreamEnd)});
    return frames;
  }

  std::vector<Frame> fail(const Error& error) override {
    return {{encode_error(error).dump()}, {std::string(kStreamEnd)}};
  }

  Json whole(const std::vector<ChatReply>& replies) override {
    Json::Array choices;
    for (size_t i = 0; i < replies.size(); ++i) {
      const ChatReply& reply = replies[i];
      choices.push_back(choice_of(i, reply.text, reply.logprobs, finish_reason_name(reply.reason)));
    }
    Json body = object_of(std::move(choices));
    body.set("usage", encode_usage(usage_of_prompts(replies)));
    return body;
  }

  Json error(const Error& error) const override { return encode_error(error); }

 private:
  struct Choice {
    std::string echo;    // what still stands before its text
    int64_t offset = 0;  // of its next token
    ChatReply end;       // its usage
  };

  Json choice_of(size_t index, const std::string& text, const std::vector<ChosenLogprob>& logprobs,
                 Json reason) {
    Choice& choice = choices_[index];
    const std::string echo = std::exchange(choice.echo, {});
    Json parallel;
    if (shape_.are_logprobs_wanted) parallel = encode_parallel_logprobs(logprobs, choice.offset);
    return Json::object({{"text", echo + text},
                         {"index", index},
                         {"logprobs", std::move(parallel)},
                         {"finish_reason", std::move(reason)}});
  }

  Json object_of(Json::Array choices) const {
    return Json::object({{"id", head_.id},
                         {"object", "text_completion"},
                         {"created", head_.created_unix_s},
                         {"model", head_.model},
                         {"choices", std::move(choices)}});
  }

  // Each prompt counts once, whatever the number of its choices.
  Usage usage_of_prompts(const std::vector<ChatReply>& replies) const {
    Usage usage;
    for (size_t first = 0; first < replies.size(); first += shape_.choices) {
      const auto begin = replies.begin() + static_cast<std::ptrdiff_t>(first);
      const auto end = begin + static_cast<std::ptrdiff_t>(shape_.choices);
      const Usage of_prompt = usage_of({begin, end});
      usage.prompt_tokens += of_prompt.prompt_tokens;
      usage.completion_tokens += of_prompt.completion_tokens;
      usage.cached_tokens += of_prompt.cached_tokens;
    }
    return usage;
  }

  const ReplyHead head_;
  const CompletionShape shape_;
  std::vector<Choice> choices_;
};

}  // namespace

std::unique_ptr<ReplyEncoder> create_completion_encoder(ReplyHead head, CompletionShape shape) {
  return std::make_unique<CompletionEncoder>(std::move(head), std::move(shape));
}

}  // namespace plinth::protocol::openai
