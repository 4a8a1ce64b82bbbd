// SPDX-License-Identifier: Apache-2.0
#include "api/embedding.h"

#include "api/replies.h"

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

Result<EmbeddedTexts> embed_here(const Call& call, const protocol::EmbeddingRequest& request) {
  TRY(guard::require_allowed(call.services.guard.authorizer().authorize(
      call.request, guard::Action{guard::ActionKind::model_call, "model", request.model,
                                  Json::object({{"inputs", request.inputs.size()}})})));
  EmbeddedTexts embedded;
  for (const protocol::EmbeddingInput& input : request.inputs) {
    if (!input.tokens.empty()) {
      return make_error(ErrorCode::invalid_argument,
                        "input: " + request.model + " has no tokens; send text", "input");
    }
    embedded.vectors.push_back(TRY(call.services.embedder.embed(input.text)));
    embedded.tokens += count_words(input.text);
  }
  return embedded;
}

// The one reply of an embedding, which is never streamed.
class VectorsEncoder final : public protocol::ReplyEncoder {
 public:
  VectorsEncoder(size_t inputs, EmbeddingEncoder encode, const DialectRow& dialect,
                 std::string request_id)
      : inputs_(inputs),
        encode_(std::move(encode)),
        dialect_(dialect),
        request_id_(std::move(request_id)) {}

  std::vector<protocol::Frame> begin() override { return {}; }
  std::vector<protocol::Frame> event(size_t, const protocol::ChatEvent&) override { return {}; }
  std::vector<protocol::Frame> end(const protocol::Usage&) override { return {}; }
  std::vector<protocol::Frame> fail(const Error&) override { return {}; }

  Json whole(const std::vector<protocol::ChatReply>& replies) override {
    const protocol::ChatReply& reply = replies.front();
    if (reply.vectors.size() != inputs_) {
      return error(make_error(ErrorCode::cancelled, "the embedding was cancelled"));
    }
    return encode_({reply.vectors, reply.usage.prompt_tokens});
  }

  Json error(const Error& error) const override {
    return dialect_.encode_error(error, request_id_);
  }

 private:
  const size_t inputs_;
  const EmbeddingEncoder encode_;
  const DialectRow& dialect_;
  const std::string request_id_;
};

}  // namespace

Result<Embedding> begin_embedding(Call& call, const protocol::EmbeddingRequest& request) {
  Embedding embedding{.stream = nullptr, .inputs = request.inputs.size(), .made = {}};
  const std::string own = call.services.embedder.name();
  if (request.model == own) {
    embedding.made = TRY(embed_here(call, request));
    return embedding;
  }
  auto stream = call.services.serving.embed(call.request, request);
  set_rate_headers(call);
  if (stream.is_error()) {
    Error error = std::move(stream).error();
    if (error.code == ErrorCode::not_found) {
      error.message += "; the node's own embedder is '" + own + "'";
    }
    return error;
  }
  embedding.stream = *std::move(stream);
  return embedding;
}

protocol::EmbeddingRequest embedding_of(const std::string& model,
                                        const std::vector<std::string>& texts) {
  protocol::EmbeddingRequest request{model, {}};
  for (const std::string& text : texts) request.inputs.push_back({text, {}});
  return request;
}

void answer_embedding(Call call, Embedding embedding, EmbeddingEncoder encode) {
  if (!embedding.stream) return answer(call, encode(std::move(embedding.made)));
  auto encoder = std::make_unique<VectorsEncoder>(
      embedding.inputs, std::move(encode), dialect_row(call.dialect), call.request.request_id);
  std::vector<std::unique_ptr<serving::ChatStream>> streams;
  streams.push_back(std::move(embedding.stream));
  send_replies(std::move(call), std::move(streams), {std::move(encoder)});
}

}  // namespace plinth::api
