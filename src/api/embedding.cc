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

}  // namespace

Result<EmbeddedTexts> embed_texts(const Call& call, const std::string& model,
                                  const std::vector<std::string>& texts) {
  const memory::Embedder& embedder = call.services.embedder;
  if (model != embedder.name()) {
    return make_error(ErrorCode::not_found,
                      "no embedding model '" + model + "'; this node has '" + embedder.name() + "'",
                      "model");
  }
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
