// SPDX-License-Identifier: Apache-2.0
// Texts to vectors, by the node's own embedder or by a model, for the endpoints of several wire
// formats.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/endpoint.h"

namespace plinth::api {

// One vector an input, all of one length. The node's own embedder's and a native model's have L2
// norm 1 (or are all zero); an upstream's are as it makes them.
struct EmbeddedTexts {
  std::vector<std::vector<float>> vectors;
  // Of the inputs; the node's own embedder has none and counts whitespace-separated words.
  int64_t tokens = 0;
};

// Begun, or made already.
struct Embedding {
  std::unique_ptr<serving::ChatStream> stream;  // null: `made` holds it
  size_t inputs = 0;
  EmbeddedTexts made;
};

// Authorizes model_call; waits for nothing but the node's own embedder. Errors: denied, not_found
// (names the node's embedder), invalid_argument, of Serving::embed.
Result<Embedding> begin_embedding(Call& call, const protocol::EmbeddingRequest& request);
protocol::EmbeddingRequest embedding_of(const std::string& model,
                                        const std::vector<std::string>& texts);

// Called with one vector an input.
using EmbeddingEncoder = std::function<Json(EmbeddedTexts embedded)>;
// Answers the call, now or later, and cancels the embedding when the peer leaves.
void answer_embedding(Call call, Embedding embedding, EmbeddingEncoder encode);

}  // namespace plinth::api
