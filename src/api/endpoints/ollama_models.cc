// SPDX-License-Identifier: Apache-2.0
// Ollama's API, what tells about models: tags, show, ps and version.
#include "api/endpoint.h"
#include "protocol/ollama.h"

namespace plinth::api::endpoints {

namespace {

namespace ollama = protocol::ollama;

std::optional<int64_t> count_of(const Json& summary, std::string_view key) {
  const int64_t count = summary[key].as_int();
  return count > 0 ? std::optional(count) : std::nullopt;
}

ollama::ModelCard card_of(const serving::ModelStatus& model) {
  const Json& summary = model.summary;
  ollama::ModelCard card{model.name, model.since.iso8601()};
  card.file_bytes = count_of(summary, "file_bytes");
  card.architecture = summary["architecture"].as_string();
  card.quantization = summary["quantization"].as_string();
  card.parameters = count_of(summary, "parameters");
  card.context_tokens = count_of(summary, "context_tokens");
  card.embedding = count_of(summary, "embedding");
  card.layers = count_of(summary, "layers");
  if (model.kind == "native" || model.kind == "embedder") card.format = "gguf";
  if (model.kind == "embedder") {
    card.capabilities = {"embedding"};
    return card;
  }
  card.capabilities = {"completion"};
  // Whether a remote server's model calls tools is for that server to say.
  if (summary["has_chat_template"].as_bool()) card.capabilities.push_back("tools");
  return card;
}

ollama::ModelCard embedder_card(const Call& call) {
  ollama::ModelCard card{call.services.embedder.name(), {}};
  card.capabilities = {"embedding"};
  return card;
}

bool is_failed(const serving::ModelStatus& model) { return model.state == "failed"; }

Result<ollama::ModelCard> find_card(const Call& call, const std::string& name) {
  for (const std::string& tried : {name, ollama::other_name(name)}) {
    if (tried == call.services.embedder.name()) return embedder_card(call);
    auto model = call.services.serving.model(call.request, tried);
    if (model.is_ok()) return card_of(*model);
    if (model.error().code != ErrorCode::not_found) return std::move(model).error();
  }
  return make_error(ErrorCode::not_found,
                    "model '" + name + "' not found; GET /api/tags lists them", "model");
}

}  // namespace

void ollama_tags(Call call) {
  answer(call, [&]() -> Result<Json> {
    std::vector<ollama::ModelCard> cards;
    for (const auto& model : TRY(call.services.serving.models(call.request))) {
      if (!is_failed(model)) cards.push_back(card_of(model));
    }
    cards.push_back(embedder_card(call));
    return ollama::encode_tags(cards);
  }());
}

void ollama_show(Call call) {
  answer(call, [&]() -> Result<Json> {
    const std::string name = TRY(ollama::decode_show(TRY(body_object(call))));
    return ollama::encode_show(TRY(find_card(call, name)));
  }());
}

void ollama_ps(Call call) {
  answer(call, [&]() -> Result<Json> {
    std::vector<ollama::ModelCard> cards;
    for (const auto& model : TRY(call.services.serving.models(call.request))) {
      if (!is_failed(model) && model.kind == "native") cards.push_back(card_of(model));
    }
    return ollama::encode_running(cards);
  }());
}

void ollama_version(Call call) { answer(call, Json::object({{"version", call.services.version}})); }

}  // namespace plinth::api::endpoints
