// SPDX-License-Identifier: Apache-2.0
// OpenAI's wire format: decoding what clients send, encoding what they expect, and the mirror of
// both for upstreams. Pure. Decoders name the field at fault (Error.param) and ignore fields they
// do not know.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/chat.h"
#include "protocol/reply_encoder.h"
#include "protocol/stream_decoder.h"

namespace plinth::protocol::openai {

struct ChatCall {
  ChatRequest request;
  bool is_stream = false;
  bool is_usage_wanted = false;  // stream_options.include_usage
  size_t choices = 1;            // n: 1..kChoicesMax
};
inline constexpr size_t kChoicesMax = 16;

// Fields of chat/completions that this version cannot honour (audio) are refused with
// invalid_argument and code unsupported in the message, never silently ignored.
Result<ChatCall> decode_chat(const Json& body);

struct ReplyHead {
  std::string id;  // "chatcmpl-…"
  std::string model;
  int64_t created_unix_s = 0;
};

// One reply a choice, at least one.
Json encode_reply(const ReplyHead& head, const std::vector<ChatReply>& replies);
// Stream: per choice a first_chunk (role) and one chunk an event, then the usage chunk when wanted,
// then kStreamEnd.
inline constexpr std::string_view kStreamEnd = "[DONE]";
Json encode_first_chunk(const ReplyHead& head, size_t choice);
Json encode_chunk(const ReplyHead& head, size_t choice, const ChatEvent& event,
                  size_t tool_call_index);
Json encode_usage_chunk(const ReplyHead& head, const Usage& usage);

std::unique_ptr<ReplyEncoder> create_chat_encoder(ReplyHead head, size_t choices,
                                                  bool is_usage_wanted);

struct ModelCard {
  std::string id;
  int64_t created_unix_s = 0;
  std::string owner;
};
Json encode_models(const std::vector<ModelCard>& models);
Json encode_model(const ModelCard& model);

// {"error":{"message","type","param","code"}}
Json encode_error(const Error& error);

// The client side, for upstream replicas.
Json encode_chat(const ChatRequest& request, bool is_stream);
Json encode_completion(const ChatRequest& request, bool is_stream);  // of one with a plain prompt
Result<ChatReply> decode_reply(const Json& body);
Error decode_error(int http_status, std::string_view body);

// Collects the deltas of one streamed reply, a chat's or a completion's, into ChatEvents; tool
// calls come out whole, at the end of their deltas.
class ChunkDecoder final : public StreamDecoder {
 public:
  Result<std::vector<ChatEvent>> feed(const Json& chunk) override;
  Result<std::vector<ChatEvent>> finish() override;  // at [DONE] or the end of the body

 private:
  Status add_call_delta(const Json& delta);

  std::vector<ToolCall> calls_;
  Usage usage_;
  std::optional<FinishReason> reason_;
  std::string stop_match_;
  bool is_finished_ = false;
};

}  // namespace plinth::protocol::openai
