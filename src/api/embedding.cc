// SPDX-License-Identifier: Apache-2.0
#include "api/embedding.h"

namespace plinth::api {
namespace {

int64_t count_words(const std::string& text) {
  int64_t words = 0;
  bool is_inside = false;
  for (const char c : text) {
    const bool is_space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!is_space && !is_inside) ++words;
    is_inside = !is_space;
  }
  return words;
}

// By a model that serving knows. Blocks until its one event.
Result<EmbeddedTexts> embed_by_model(const Call& call, const std::string& model,
                                     const std::vector<std::string>& texts) {
  protocol::EmbeddingRequest request{model, {}};
  for (const std::string& text : texts) request.inputs.push_back({text, {}});
  auto stream = call.services.serving.embed(call.request, std::move(request));
  if (stream.is_error()) {
    Error error = std::move(stream).error();
    if (error.code == ErrorCode::not_found) {
      error.message += "; the node's own embedder is '" + call.services.embedder.name() + "'";
    }
    return error;
  }
  constexpr Duration kWait = std::chrono::seconds(1);
  std::optional<protocol::ChatEvent> end;
  while (!end) end = (*stream)->next(kWait);  // its deadline ends it
  if (end->kind == protocol::ChatEvent::Kind::failed) return end->error;
  if (end->vectors.size() != texts.size()) {
    return make_error(ErrorCode::cancelled, "the embedding was cancelled");
  }
  return EmbeddedTexts{std::move(end->vectors), end->usage.prompt_tokens};
}

}  // namespace

Result<EmbeddedTexts> embed_texts(const Call& call, const std::string& model,
                                  const std::vector<std::string>& texts) {
  const memory::Embedder& embedder = call.services.embedder;
  if (model != embedder.name()) return embed_by_model(call, model, texts);
  TRY(guard::require_allowed(call.services.guard.authorizer().authorize(
      call.request, guard::Action{guard::ActionKind::model_call, "model", model,
                                  Json::object({{"inputs", texts.size()}})})));
  EmbeddedTexts embedded;
  for (const std::string& text : texts) {
    embedded.vectors.push_back(TRY(embedder.embed(text)));
    embedded.words += count_words(text);
  }
  return embedded;
}

}  // namespace plinth::api
