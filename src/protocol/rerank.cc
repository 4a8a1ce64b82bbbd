// SPDX-License-Identifier: Apache-2.0
#include "protocol/rerank.h"

#include <algorithm>

#include "protocol/fields.h"

namespace plinth::protocol::rerank {
namespace {

constexpr size_t kModelBytesMax = 256;

Result<std::string> check_text(std::string text, const std::string& path) {
  if (!text.empty() && text.size() <= kTextBytesMax) return text;
  return field_error(path, "must have 1 to " + std::to_string(kTextBytesMax) + " bytes, has " +
                               std::to_string(text.size()));
}

Result<std::string> decode_document(const Json& document, const std::string& path) {
  if (document.is_string()) return check_text(document.as_string(), path);
  if (!document.is_object()) return expected(path, "a string or {\"text\": …}", document);
  std::string text = TRY(within(path, json_field::required_string(document, "text")));
  return check_text(std::move(text), path + ".text");
}

}  // namespace

Result<RerankCall> decode_rerank(const Json& body) {
  if (!body.is_object()) {
    return make_error(ErrorCode::invalid_argument,
                      "the body: expected a JSON object, got " + std::string(body.type_name()));
  }
  RerankCall call;
  call.model = TRY(json_field::required_string(body, "model"));
  if (call.model.empty() || call.model.size() > kModelBytesMax) {
    return field_error("model", "must have 1 to " + std::to_string(kModelBytesMax) + " bytes");
  }
  call.query = TRY(check_text(TRY(json_field::required_string(body, "query")), "query"));
  const Json& documents = body["documents"];
  if (!documents.is_array()) return expected("documents", "a list of documents", documents);
  if (documents.size() == 0 || documents.size() > kDocumentsMax) {
    return field_error("documents", "must have 1 to " + std::to_string(kDocumentsMax) +
                                        " documents, has " + std::to_string(documents.size()));
  }
  for (size_t i = 0; i < documents.size(); ++i) {
    call.documents.push_back(TRY(decode_document(documents.items()[i], at_index("documents", i))));
  }
  const auto count = static_cast<int64_t>(documents.size());
  const auto top = TRY(json_field::optional_integer(body, "top_n", 1, INT32_MAX));
  call.results_max = static_cast<size_t>(std::min(top.value_or(count), count));
  call.has_documents = TRY(json_field::optional_bool(body, "return_documents")).value_or(false);
  return call;
}

Json encode_rerank(const RerankCall& call, std::vector<Score> scores, int64_t tokens) {
  std::stable_sort(scores.begin(), scores.end(),
                   [](const Score& a, const Score& b) { return a.relevance > b.relevance; });
  if (scores.size() > call.results_max) scores.resize(call.results_max);
  Json results = Json::array();
  for (const Score& score : scores) {
    Json result = Json::object({{"index", score.document}, {"relevance_score", score.relevance}});
    if (call.has_documents) {
      result.set("document", Json::object({{"text", call.documents[score.document]}}));
    }
    results.push(std::move(result));
  }
  return Json::object(
      {{"model", call.model},
       {"results", std::move(results)},
       {"usage", Json::object({{"prompt_tokens", tokens}, {"total_tokens", tokens}})}});
}

}  // namespace plinth::protocol::rerank
