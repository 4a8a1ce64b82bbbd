// SPDX-License-Identifier: Apache-2.0
// The OpenAI API: models, chat completions (whole and streamed) and embeddings.
#include "protocol/openai.h"

#include "api/endpoint.h"
#include "api/replies.h"

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
  const memory::Embedder& embedder = call.services.embedder;
  if (decoded->model != embedder.name()) {
    return answer(call, make_error(ErrorCode::not_found,
                                   "no embedding model '" + decoded->model + "'; this node has '" +
                                       embedder.name() + "'",
                                   "model"));
  }
  const guard::Decision decision = call.services.guard.authorizer().authorize(
      call.request,
      guard::Action{guard::ActionKind::model_call, "model", decoded->model,
                    Json::object({{"inputs", static_cast<int64_t>(decoded->inputs.size())}})});
  if (auto allowed = guard::require_allowed(decision); allowed.is_error()) {
    return answer(call, allowed.error());
  }
  std::vector<std::vector<float>> vectors;
  int64_t words = 0;
  for (const std::string& input : decoded->inputs) {
    auto vector = embedder.embed(input);
    if (vector.is_error()) return answer(call, vector.error());
    vectors.push_back(std::move(*vector));
    // The lexical embedder has no tokens; whitespace-separated words are what usage counts.
    bool is_inside = false;
    for (const char c : input) {
      const bool is_space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
      if (!is_space && !is_inside) ++words;
      is_inside = !is_space;
    }
  }
  answer(call, openai::encode_embeddings(*decoded, vectors, words));
}

}  // namespace plinth::api::endpoints
