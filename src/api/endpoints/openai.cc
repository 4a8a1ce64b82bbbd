// SPDX-License-Identifier: Apache-2.0
// The OpenAI API: models, chat completions (whole and streamed) and embeddings.
#include "protocol/openai.h"

#include "api/embedding.h"
#include "api/endpoint.h"
#include "api/replies.h"
#include "protocol/openai_embeddings.h"

namespace plinth::api::endpoints {

namespace {

namespace openai = protocol::openai;

openai::ModelCard card_of(const serving::ModelStatus& model) {
  return {model.name, model.since.unix_ms / 1000, "plinth"};
}

Result<openai::ChatCall> decode_call(const Call& call) {
  return openai::decode_chat(TRY(body_object(call)));
}

}  // namespace

void list_models(Call call) {
  auto models = call.services.serving.models(call.request);
  if (models.is_error()) return answer(call, models.error());
  std::vector<openai::ModelCard> cards;
  for (const auto& model : *models) cards.push_back(card_of(model));
  cards.push_back({call.services.embedder.name(), 0, "plinth"});
  answer(call, openai::encode_models(cards));
}

void get_model(Call call) {
  if (call.parameter("model") == call.services.embedder.name()) {
    return answer(call, openai::encode_model({call.services.embedder.name(), 0, "plinth"}));
  }
  auto model = call.services.serving.model(call.request, call.parameter("model"));
  if (model.is_error()) return answer(call, model.error());
  answer(call, openai::encode_model(card_of(*model)));
}

void chat_completions(Call call) {
  auto decoded = decode_call(call);
  if (decoded.is_error()) return answer(call, decoded.error());
  const std::string model = decoded->request.model;
  auto streams = begin_chats(call, decoded->request, decoded->choices);
  if (streams.is_error()) return answer(call, streams.error());
  openai::ReplyHead head{"chatcmpl-" + streams->front()->id(), model,
                         call.services.clock.wall().unix_ms / 1000};
  auto encoder =
      openai::create_chat_encoder(std::move(head), decoded->choices, decoded->is_usage_wanted);
  send_replies(std::move(call), std::move(*streams), {std::move(encoder), decoded->is_stream});
}

void embeddings(Call call) {
  auto decoded = [&]() -> Result<openai::EmbeddingsCall> {
    return openai::decode_embeddings(TRY(body_object(call)));
  }();
  if (decoded.is_error()) return answer(call, decoded.error());
  auto embedding = begin_embedding(call, decoded->request);
  if (embedding.is_error()) return answer(call, embedding.error());
  answer_embedding(
      std::move(call), *std::move(embedding),
      [model = decoded->request.model, form = decoded->form](const EmbeddedTexts& embedded) {
        return openai::encode_embeddings(model, form, embedded.vectors, embedded.tokens);
      });
}

}  // namespace plinth::api::endpoints
