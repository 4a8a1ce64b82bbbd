// SPDX-License-Identifier: Apache-2.0
// Ollama's wire format: decoding what its clients send and encoding what they expect. Pure.
// Decoders name the field at fault (Error.param), refuse what would change the reply if it were
// ignored, and ignore fields they do not know. Streams are lines of JSON, and the default.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/chat.h"
#include "protocol/reply_encoder.h"

namespace plinth::protocol::ollama {

struct ChatCall {
  ChatRequest request;  // without messages or prompt: the model is asked for, not a reply
  bool is_stream = true;
};

// The body of POST /api/chat. Of `options` the samplers, stop, seed and num_predict are read;
// num_ctx and keep_alive are taken and have no effect: a model's context and stay are this node's
// matter. A tool's message is joined to the call it answers by tool_call_id, else by tool_name,
// else by order.
Result<ChatCall> decode_chat(const Json& body);
// The body of POST /api/generate: raw text (ChatRequest::prompt), or a system text and a user's
// message for the chat template.
Result<ChatCall> decode_generate(const Json& body);

// `name` and `name:latest` are one model to these clients: the other of the two.
std::string other_name(const std::string& model);

enum class ReplyShape : uint8_t { chat, generate };  // {"message": …} or {"response": …}

struct ReplyHead {
  std::string model;
  std::string created_at;  // RFC 3339
};

// A whole reply or the lines of a stream; the last one has the counts, and the times in
// nanoseconds.
std::unique_ptr<ReplyEncoder> create_reply_encoder(ReplyShape shape, ReplyHead head);
// The answer to a call that asks for the model alone.
Json encode_loaded(ReplyShape shape, const ReplyHead& head);

struct EmbedCall {
  std::string model;
  std::vector<std::string> inputs;  // 1..256
};
Result<EmbedCall> decode_embed(const Json& body);       // {model, input: text or texts}
Result<EmbedCall> decode_embeddings(const Json& body);  // {model, prompt}
Json encode_embed(const std::string& model, const std::vector<std::vector<float>>& vectors,
                  int64_t prompt_tokens, int64_t total_ns);
Json encode_embeddings(const std::vector<float>& vector);

// What is known of a model; what is not is left out.
struct ModelCard {
  std::string name;
  std::string modified_at;  // RFC 3339
  std::optional<int64_t> file_bytes = {};
  std::string format = {};  // "gguf"
  std::string architecture = {};
  std::string quantization = {};
  std::optional<int64_t> parameters = {};
  std::optional<int64_t> context_tokens = {};
  std::optional<int64_t> embedding = {};
  std::optional<int64_t> layers = {};
  std::vector<std::string> capabilities = {};  // "completion" "tools" "embedding"
};
Json encode_tags(const std::vector<ModelCard>& models);
Json encode_running(const std::vector<ModelCard>& models);
Json encode_show(const ModelCard& model);
Result<std::string> decode_show(const Json& body);  // the model's name

// {"error": TEXT}
Json encode_error(const Error& error);

}  // namespace plinth::protocol::ollama
