// SPDX-License-Identifier: Apache-2.0
// The OpenAI API: models, chat completions (whole and streamed) and embeddings.
#include "protocol/openai.h"

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

namespace {

// The node's own embedder, which has no tokens; whitespace-separated words are what usage counts.
Result<Json> embed_lexically(Call& call, const openai::EmbeddingsCall& decoded) {
  const auto& inputs = decoded.request.inputs;
  TRY(guard::require_allowed(call.services.guard.authorizer().authorize(
      call.request, guard::Action{guard::ActionKind::model_call, "model", decoded.request.model,
                                  Json::object({{"inputs", inputs.size()}})})));
  std::vector<std::vector<float>> vectors;
  int64_t words = 0;
  for (const protocol::EmbeddingInput& input : inputs) {
    if (!input.tokens.empty()) {
      return make_error(ErrorCode::invalid_argument,
                        "input: " + decoded.request.model + " has no tokens; send text", "input");
    }
    vectors.push_back(TRY(call.services.embedder.embed(input.text)));
    bool is_inside = false;
    for (const char c : input.text) {
      const bool is_space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
      if (!is_space && !is_inside) ++words;
      is_inside = !is_space;
    }
  }
  return openai::encode_embeddings(decoded.request.model, decoded.form, vectors, words);
}

}  // namespace

void embeddings(Call call) {
  auto decoded = [&]() -> Result<openai::EmbeddingsCall> {
    return openai::decode_embeddings(TRY(body_object(call)));
  }();
  if (decoded.is_error()) return answer(call, decoded.error());
  if (decoded->request.model == call.services.embedder.name()) {
    return answer(call, embed_lexically(call, *decoded));
  }
  auto encoder = openai::create_embeddings_encoder(decoded->request.model, decoded->form);
  auto stream = call.services.serving.embed(call.request, std::move(decoded->request));
  set_rate_headers(call);
  if (stream.is_error()) {
    Error error = std::move(stream).error();
    if (error.code == ErrorCode::not_found) {
      error.message += "; its own embedder is '" + call.services.embedder.name() + "'";
    }
    return answer(call, error);
  }
  std::vector<std::unique_ptr<serving::ChatStream>> streams;
  streams.push_back(std::move(*stream));
  send_replies(std::move(call), std::move(streams), {std::move(encoder)});
}

}  // namespace plinth::api::endpoints
