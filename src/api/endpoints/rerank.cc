// SPDX-License-Identifier: Apache-2.0
// Documents by their nearness to a query: the cosine of their vectors in the embedder's measure.
#include "protocol/rerank.h"

#include <cmath>
#include <numeric>

#include "api/embedding.h"

namespace plinth::api::endpoints {

namespace {

namespace rerank_wire = protocol::rerank;

// Of two vectors of one length; 0 where one is all zero.
double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  const auto dot = [](const std::vector<float>& x, const std::vector<float>& y) {
    return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  };
  const double lengths = std::sqrt(dot(a, a)) * std::sqrt(dot(b, b));
  return lengths > 0 ? dot(a, b) / lengths : 0.0;
}

// The query is the last text.
Json rank(const rerank_wire::RerankCall& decoded, const EmbeddedTexts& embedded) {
  const std::vector<float>& query = embedded.vectors.back();
  std::vector<rerank_wire::Score> scores;
  for (size_t i = 0; i < decoded.documents.size(); ++i) {
    scores.push_back({i, cosine(embedded.vectors[i], query)});
  }
  return rerank_wire::encode_rerank(decoded, std::move(scores), embedded.tokens);
}

}  // namespace

void rerank(Call call) {
  auto decoded = [&]() -> Result<rerank_wire::RerankCall> {
    return rerank_wire::decode_rerank(TRY(body_object(call)));
  }();
  if (decoded.is_error()) return answer(call, decoded.error());
  std::vector<std::string> texts = decoded->documents;
  texts.push_back(decoded->query);
  auto embedding = begin_embedding(call, embedding_of(decoded->model, texts));
  if (embedding.is_error()) return answer(call, embedding.error());
  answer_embedding(std::move(call), *std::move(embedding),
                   [decoded = *std::move(decoded)](const EmbeddedTexts& embedded) {
                     return rank(decoded, embedded);
                   });
}

}  // namespace plinth::api::endpoints
