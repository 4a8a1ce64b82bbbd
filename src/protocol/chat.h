// SPDX-License-Identifier: Apache-2.0
// The neutral chat types every wire format is translated to and from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace plinth::protocol {

enum class Role : uint8_t { system, user, assistant, tool };
std::string_view role_name(Role role);

struct ToolCall {
  std::string id;  // "call_…"
  std::string name;
  std::string arguments;  // JSON text as the model wrote it; may be malformed
};

// For formats whose arguments are an object: where the model wrote none, {"malformed": TEXT}.
Json arguments_object(const ToolCall& call);

struct Message {
  Role role = Role::user;
  std::string content;
  std::vector<ToolCall> tool_calls;  // assistant
  std::string tool_call_id;          // tool
  std::string name;                  // optional, as in OpenAI's shape
  std::string reasoning = {};        // assistant: what it thought before the content
};

inline Message message_of(Role role, std::string content) {
  Message message;
  message.role = role;
  message.content = std::move(content);
  return message;
}

struct ToolSpec {
  std::string name;
  std::string description;
  Json parameters = Json::object();  // JSON Schema of the arguments object
  bool is_strict = false;            // arguments are held to it
};

enum class ToolChoice : uint8_t { automatic, none, required };

// What is absent is the model's own choice, and without effect where it has none.
struct Sampling {
  std::optional<double> temperature;  // 0: greedy
  std::optional<double> top_p;
  std::optional<int64_t> seed;
  std::optional<int64_t> top_k;             // 0: all
  std::optional<double> min_p;              // a share of the likeliest token's probability
  std::optional<double> presence_penalty;   // -2..2
  std::optional<double> frequency_penalty;  // -2..2
  std::optional<double> repetition_penalty;
  std::vector<std::pair<int64_t, double>> logit_bias;  // token, -100..100
};

// The reply's text is JSON: any object, or what is valid for the schema.
struct ReplyFormat {
  std::optional<Json> schema;  // absent: any object
  std::string name;            // of the schema, for the model
  bool is_strict = false;
};

// Text or tokens to go on with as they stand, without a chat template.
struct PlainPrompt {
  std::string text;
  std::vector<int32_t> tokens;  // not empty: instead of the text
};

struct ChatRequest {
  std::string model;
  std::vector<Message> messages;
  std::optional<PlainPrompt> prompt;  // instead of messages
  std::vector<ToolSpec> tools;
  ToolChoice tool_choice = ToolChoice::automatic;
  bool is_one_call_at_most = false;  // parallel_tool_calls: false
  Sampling sampling;
  std::optional<int64_t> max_tokens;
  std::vector<std::string> stop;  // at most 4
  bool is_end_ignored = false;    // go on past the model's own end, up to max_tokens
  std::optional<ReplyFormat> reply_format;
  std::optional<int64_t> logprobs_top;  // log probabilities, with as many others beside each: 0..20
  std::string user;
  bool is_further_choice = false;  // of a request whose first choice was counted for its rate
};

enum class FinishReason : uint8_t { stop, length, tool_calls, cancelled, error };
std::string_view finish_reason_name(FinishReason reason);

struct Usage {
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t reasoning_tokens = 0;  // of the completion's
};

// How long a reply took where it was made. 0: not known.
struct ReplyTimes {
  int64_t wait_ns = 0;    // until a replica took it up
  int64_t prompt_ns = 0;  // from there to the first of the reply
  int64_t reply_ns = 0;   // from there to its end
};

// The work behind a reply, from a replica that knows it.
struct ReplyWork {
  int64_t queue_us = 0;        // until it joined the batch
  int64_t prefill_us = 0;      // from there to the first token
  int64_t prefill_chunks = 0;  // iterations that computed a part of the prompt
  int64_t decode_us = 0;       // from the first token to the end
};

struct TokenLogprob {
  std::string token;  // bytes, which need not be whole characters
  double logprob = 0;
};

struct ChosenLogprob {
  TokenLogprob chosen;
  std::vector<TokenLogprob> top;  // likeliest first
};

// What a reply is made of, in order: reasoning, text and tool calls as they come, then exactly one
// finished or failed.
struct ChatEvent {
  enum class Kind : uint8_t { text, reasoning, tool_call, finished, failed };
  Kind kind = Kind::text;
  std::string text;    // text, reasoning: valid UTF-8, never cut inside a code point
  ToolCall tool_call;  // tool_call: whole
  // text and finished: of the tokens since the last such event, where they were asked for.
  std::vector<ChosenLogprob> logprobs;
  FinishReason reason = FinishReason::stop;  // finished
  std::string
      stop_match;    // finished with stop: the string of ChatRequest::stop; empty: its own end
  Usage usage;       // finished
  ReplyTimes times;  // finished
  std::vector<std::vector<float>> vectors;  // finished, of embeddings: one an input
  std::optional<ReplyWork> work;            // finished
  Error error;                              // failed
};

// The whole reply, when nobody streams.
struct ChatReply {
  std::string text;
  std::string reasoning;
  std::vector<ToolCall> tool_calls;
  std::vector<ChosenLogprob> logprobs;
  FinishReason reason = FinishReason::stop;
  std::string stop_match;
  Usage usage;
  ReplyTimes times;
  std::vector<std::vector<float>> vectors;  // of embeddings, which have no text
};

// Whether both are text, or both reasoning, so that append_text may join them.
bool is_joinable(const ChatEvent& event, const ChatEvent& next);
// `text` goes on with `next`, both text or both reasoning.
void append_text(ChatEvent& text, ChatEvent next);
// Adds what a text, reasoning, tool_call or finished event says.
void add_event(ChatReply& reply, ChatEvent event);
// Of several replies to one prompt, whose tokens count once.
Usage usage_of(const std::vector<ChatReply>& replies);

}  // namespace plinth::protocol
