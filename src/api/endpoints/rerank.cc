// SPDX-License-Identifier: Apache-2.0
// Documents by their nearness to a query: the cosine of their vectors in the embedder's measure.
#include "protocol/rerank.h"

#include <numeric>

#include "api/embedding.h"

namespace plinth::api::endpoints {

namespace {

namespace rerank_wire = protocol::rerank;

// Of vectors of length 1; 0 where one is all zero.
double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

Result<Json> rank(const Call& call) {
  const rerank_wire::RerankCall decoded = TRY(rerank_wire::decode_rerank(TRY(body_object(call))));
  std::vector<std::string> texts = decoded.documents;
  texts.push_back(decoded.query);
  const EmbeddedTexts embedded = TRY(embed_texts(call, decoded.model, texts));
  const std::vector<float>& query = embedded.vectors.back();
  std::vector<rerank_wire::Score> scores;
  for (size_t i = 0; i < decoded.documents.size(); ++i) {
    scores.push_back({i, cosine(embedded.vectors[i], query)});
  }
  return rerank_wire::encode_rerank(decoded, std::move(scores), embedded.words);
}

}  // namespace

void rerank(Call call) { answer(call, rank(call)); }

}  // namespace plinth::api::endpoints
