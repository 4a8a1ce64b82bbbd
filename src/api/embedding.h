// SPDX-License-Identifier: Apache-2.0
// Texts to vectors with the node's own embedder, for the endpoints of several wire formats.
#pragma once

#include <string>
#include <vector>

#include "api/endpoint.h"

namespace plinth::api {

struct EmbeddedTexts {
  std::vector<std::vector<float>> vectors;  // one a text, L2 norm 1 or all zero
  // The embedder has no tokens; whitespace-separated words are what usage counts.
  int64_t words = 0;
};

// Authorizes model_call. Errors: denied, not_found (names the node's embedder).
Result<EmbeddedTexts> embed_texts(const Call& call, const std::string& model,
                                  const std::vector<std::string>& texts);

}  // namespace plinth::api
