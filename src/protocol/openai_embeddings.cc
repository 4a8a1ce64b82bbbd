// SPDX-License-Identifier: Apache-2.0
#include "protocol/openai_embeddings.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"
#include "base/hash.h"
#include "base/text.h"
#include "protocol/fields.h"
#include "protocol/openai.h"

namespace plinth::protocol::openai {
namespace {

constexpr size_t kModelBytesMax = 256;
constexpr size_t kUpstreamVectorLengthMax = 1u << 16;
constexpr int64_t kUpstreamTokensMax = int64_t{1} << 40;  // counts stay far from overflow

Result<std::vector<int32_t>> decode_tokens(const Json& list, const std::string& path) {
  std::vector<int32_t> tokens;
  if (list.size() == 0) return field_error(path, "the list of token ids is empty");
  tokens.reserve(list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    const Json& token = list.items()[i];
    if (!token.is_integer()) return expected(at_index(path, i), "a token id", token);
    const int64_t id = token.as_int();
    if (id < 0 || id > INT32_MAX) {
      return field_error(at_index(path, i), std::to_string(id) + " is no token id");
    }
    tokens.push_back(static_cast<int32_t>(id));
  }
  return tokens;
}

Result<EmbeddingInput> decode_input(const Json& input, const std::string& path) {
  if (input.is_array()) return EmbeddingInput{{}, TRY(decode_tokens(input, path))};
  if (!input.is_string()) return expected(path, "a text or a list of token ids", input);
  if (input.as_string().empty()) return field_error(path, "the text is empty");
  return EmbeddingInput{input.as_string()};
}

Result<std::vector<EmbeddingInput>> decode_inputs(const Json& input) {
  const bool is_list = input.is_array() && input.size() > 0 && !input.items().front().is_number();
  if (!is_list && !(input.is_array() && input.size() == 0)) {
    return std::vector<EmbeddingInput>{TRY(decode_input(input, "input"))};
  }
  if (input.size() == 0 || input.size() > kEmbeddingInputsMax) {
    return field_error("input", "must have 1 to " + std::to_string(kEmbeddingInputsMax) +
                                    " texts, got " + std::to_string(input.size()));
  }
  std::vector<EmbeddingInput> inputs;
  for (size_t i = 0; i < input.size(); ++i) {
    inputs.push_back(TRY(decode_input(input.items()[i], at_index("input", i))));
  }
  return inputs;
}

// The client reads the bytes as 32-bit floats in little-endian order, whatever this machine's order
// is.
std::string little_endian_bytes(const std::vector<float>& vector) {
  std::string bytes;
  bytes.reserve(vector.size() * sizeof(float));
  for (const float value : vector) {
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) {
      bytes.push_back(static_cast<char>((bits >> shift) & 0xffu));
    }
  }
  return bytes;
}

Json encode_vector(const std::vector<float>& vector, VectorForm form) {
  if (form == VectorForm::base64) return base64(little_endian_bytes(vector));
  Json::Array numbers;
  numbers.reserve(vector.size());
  for (const float value : vector) numbers.emplace_back(static_cast<double>(value));
  return Json(std::move(numbers));
}

Error upstream_error(std::string_view cause) {
  return make_error(ErrorCode::upstream_failed, "the upstream's answer: " + std::string(cause));
}

Result<std::vector<float>> decode_vector(const Json& value) {
  std::vector<float> vector;
  if (value.is_string()) {
    const auto bytes = unbase64(value.as_string());
    if (bytes.is_error() || bytes->size() % sizeof(float) != 0) {
      return upstream_error("an embedding is not base64 of 32-bit floats");
    }
    for (size_t at = 0; at < bytes->size(); at += sizeof(float)) {
      uint32_t bits = 0;
      for (size_t i = 0; i < sizeof(float); ++i) {
        bits |= static_cast<uint32_t>(static_cast<unsigned char>((*bytes)[at + i])) << (8 * i);
      }
      vector.push_back(std::bit_cast<float>(bits));
    }
  } else {
    for (const Json& number : value.items()) {
      if (!number.is_number()) return upstream_error("an embedding holds what is no number");
      vector.push_back(static_cast<float>(number.as_double()));
    }
  }
  const bool is_finite =
      std::all_of(vector.begin(), vector.end(), [](float number) { return std::isfinite(number); });
  if (vector.empty() || vector.size() > kUpstreamVectorLengthMax || !is_finite) {
    return upstream_error("an embedding has no numbers, too many, or infinite ones");
  }
  return vector;
}

}  // namespace

Result<EmbeddingsCall> decode_embeddings(const Json& body) {
  if (!body.is_object()) {
    return make_error(ErrorCode::invalid_argument,
                      "the body: expected a JSON object, got " + std::string(body.type_name()));
  }
  EmbeddingsCall call;
  call.request.model = TRY(json_field::required_string(body, "model"));
  if (call.request.model.empty() || call.request.model.size() > kModelBytesMax) {
    return field_error("model", "must have 1 to " + std::to_string(kModelBytesMax) + " bytes");
  }
  call.request.inputs = TRY(decode_inputs(body["input"]));
  const auto format = TRY(json_field::optional_string(body, "encoding_format"));
  if (format && *format != "float" && *format != "base64") {
    return field_error("encoding_format",
                       "unknown value '" + shorten(*format, 64) + "'; use float or base64");
  }
  if (format == "base64") call.form = VectorForm::base64;
  if (!body["dimensions"].is_null()) {
    return unsupported_field("dimensions", "vectors have the model's own size; leave it out");
  }
  return call;
}

Json encode_embeddings(const std::string& model, VectorForm form,
                       const std::vector<std::vector<float>>& vectors, int64_t prompt_tokens) {
  Json::Array items;
  items.reserve(vectors.size());
  for (size_t i = 0; i < vectors.size(); ++i) {
    items.push_back(Json::object(
        {{"object", "embedding"}, {"index", i}, {"embedding", encode_vector(vectors[i], form)}}));
  }
  return Json::object({{"object", "list"},
                       {"data", std::move(items)},
                       {"model", model},
                       {"usage", Json::object({{"prompt_tokens", prompt_tokens},
                                               {"total_tokens", prompt_tokens}})}});
}

// Numbers, which every server writes.
Json encode_embedding_request(const EmbeddingRequest& request) {
  Json::Array inputs;
  for (const EmbeddingInput& input : request.inputs) {
    if (input.tokens.empty()) {
      inputs.emplace_back(input.text);
      continue;
    }
    Json::Array tokens(input.tokens.begin(), input.tokens.end());
    inputs.emplace_back(std::move(tokens));
  }
  return Json::object(
      {{"model", request.model}, {"input", std::move(inputs)}, {"encoding_format", "float"}});
}

Result<ChatReply> decode_embedding_reply(const Json& body, size_t inputs) {
  const Json::Array& items = body["data"].items();
  if (items.size() != inputs) {
    return upstream_error(std::to_string(items.size()) + " embeddings for " +
                          std::to_string(inputs) + " inputs");
  }
  ChatReply reply;
  reply.vectors.resize(inputs);
  size_t length = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    const int64_t index = items[i]["index"].as_int(static_cast<int64_t>(i));
    if (index < 0 || index >= static_cast<int64_t>(inputs) ||
        !reply.vectors[static_cast<size_t>(index)].empty()) {
      return upstream_error("an embedding has the index " + std::to_string(index));
    }
    auto vector = TRY(decode_vector(items[i]["embedding"]));
    if (i == 0) length = vector.size();
    if (vector.size() != length) {
      return upstream_error("embeddings of " + std::to_string(length) + " and of " +
                            std::to_string(vector.size()) + " numbers");
    }
    reply.vectors[static_cast<size_t>(index)] = std::move(vector);
  }
  reply.usage.prompt_tokens =
      std::clamp<int64_t>(body["usage"]["prompt_tokens"].as_int(), 0, kUpstreamTokensMax);
  return reply;
}

}  // namespace plinth::protocol::openai
