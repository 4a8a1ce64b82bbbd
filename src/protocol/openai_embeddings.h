// SPDX-License-Identifier: Apache-2.0
// OpenAI's embeddings: what clients send and expect, and the mirror of both for upstreams. Pure.
#pragma once

#include <string>
#include <vector>

#include "protocol/chat.h"
#include "protocol/embeddings.h"

namespace plinth::protocol::openai {

inline constexpr size_t kEmbeddingInputsMax = 2048;  // OpenAI's own limit

// How a vector is written: a list of numbers, or its 32-bit floats in little-endian order.
enum class VectorForm : uint8_t { numbers, base64 };

struct EmbeddingsCall {
  EmbeddingRequest request;
  VectorForm form = VectorForm::numbers;
};

// `input` is a text, the ids of a text's tokens, or a list of either. Errors name the field.
Result<EmbeddingsCall> decode_embeddings(const Json& body);
Json encode_embeddings(const std::string& model, VectorForm form,
                       const std::vector<std::vector<float>>& vectors, int64_t prompt_tokens);

// The client side, for upstream replicas.
Json encode_embedding_request(const EmbeddingRequest& request);
// Of an answer to a request with this many inputs. Error upstream_failed: a vector is missing,
// broken or longer than another.
Result<ChatReply> decode_embedding_reply(const Json& body, size_t inputs);

}  // namespace plinth::protocol::openai
