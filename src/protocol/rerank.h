// SPDX-License-Identifier: Apache-2.0
// The rerank call that Jina, Cohere and others agree on. Pure. The decoder names the field at fault
// (Error.param) and ignores fields it does not know.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace plinth::protocol::rerank {

inline constexpr size_t kDocumentsMax = 1000;
inline constexpr size_t kTextBytesMax = 64u << 10;  // of the query and of each document

struct RerankCall {
  std::string model;
  std::string query;
  std::vector<std::string> documents;  // 1..kDocumentsMax
  size_t results_max = 0;              // top_n; without it as many as there are documents
  bool has_documents = false;          // return_documents: the results carry their texts
};
Result<RerankCall> decode_rerank(const Json& body);

struct Score {
  size_t document = 0;  // its index in the call
  double relevance = 0;
};
// The best results first; of equal scores the earlier document. {"model", "results":
// [{"index", "relevance_score", "document"?: {"text"}}], "usage": {"prompt_tokens",
// "total_tokens"}}
Json encode_rerank(const RerankCall& call, std::vector<Score> scores, int64_t tokens);

}  // namespace plinth::protocol::rerank
