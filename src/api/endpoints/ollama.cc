// SPDX-License-Identifier: Apache-2.0
// Ollama's API, what makes something: chat, generate and embeddings.
#include "protocol/ollama.h"

#include "api/embedding.h"
#include "api/endpoint.h"
#include "api/replies.h"

namespace plinth::api::endpoints {

namespace {

namespace ollama = protocol::ollama;

using Streams = std::vector<std::unique_ptr<serving::ChatStream>>;

// The model by the name it has here: `x` is asked for as `x:latest` too, and the other way round.
template <typename Attempt>
auto with_model(std::string& model, Attempt attempt) {
  auto result = attempt();
  if (result.is_ok() || result.error().code != ErrorCode::not_found) return result;
  const std::string asked = std::exchange(model, ollama::other_name(model));
  auto again = attempt();
  if (again.is_ok() || again.error().code != ErrorCode::not_found) return again;
  model = asked;
  return result;
}

void answer_chat(Call& call, Result<ollama::ChatCall> decoded, ollama::ReplyShape shape) {
  if (decoded.is_error()) return answer(call, decoded.error());
  protocol::ChatRequest& chat = decoded->request;
  const ollama::ReplyHead head{chat.model, call.services.clock.wall().iso8601()};
  if (chat.messages.empty() && !chat.prompt) {
    // Clients ask for a model in this way before they need it.
    auto known = with_model(chat.model,
                            [&] { return call.services.serving.model(call.request, chat.model); });
    if (known.is_error()) return answer(call, known.error());
    return answer(call, ollama::encode_loaded(shape, head));
  }
  auto streams = with_model(chat.model, [&] { return begin_chats(call, chat); });
  if (streams.is_error()) return answer(call, streams.error());
  auto encoder = ollama::create_reply_encoder(shape, head);
  send_replies(std::move(call), std::move(*streams), {std::move(encoder), decoded->is_stream});
}

Result<Embedding> begin_embedding(Call& call, ollama::EmbedCall& decoded) {
  return with_model(decoded.model, [&] {
    return api::begin_embedding(call, embedding_of(decoded.model, decoded.inputs));
  });
}

void answer_embedding(Call& call, Result<ollama::EmbedCall> decoded, EmbeddingEncoder encode) {
  if (decoded.is_error()) return answer(call, decoded.error());
  auto embedding = begin_embedding(call, *decoded);
  if (embedding.is_error()) return answer(call, embedding.error());
  api::answer_embedding(std::move(call), *std::move(embedding), std::move(encode));
}

}  // namespace

void ollama_chat(Call call) {
  answer_chat(
      call,
      [&]() -> Result<ollama::ChatCall> { return ollama::decode_chat(TRY(body_object(call))); }(),
      ollama::ReplyShape::chat);
}

void ollama_generate(Call call) {
  answer_chat(
      call,
      [&]() -> Result<ollama::ChatCall> {
        return ollama::decode_generate(TRY(body_object(call)));
      }(),
      ollama::ReplyShape::generate);
}

void ollama_embed(Call call) {
  const Clock& clock = call.services.clock;
  auto decoded = [&]() -> Result<ollama::EmbedCall> {
    return ollama::decode_embed(TRY(body_object(call)));
  }();
  const std::string asked = decoded.is_ok() ? decoded->model : std::string();
  answer_embedding(call, std::move(decoded),
                   [asked, &clock, began = clock.now()](const EmbeddedTexts& embedded) {
                     return ollama::encode_embed(asked, embedded.vectors, embedded.tokens,
                                                 (clock.now() - began).count());
                   });
}

void ollama_embeddings(Call call) {
  auto decoded = [&]() -> Result<ollama::EmbedCall> {
    return ollama::decode_embeddings(TRY(body_object(call)));
  }();
  answer_embedding(call, std::move(decoded), [](const EmbeddedTexts& embedded) {
    return ollama::encode_embeddings(embedded.vectors.front());
  });
}

}  // namespace plinth::api::endpoints
