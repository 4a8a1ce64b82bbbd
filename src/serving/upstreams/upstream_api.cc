// SPDX-License-Identifier: Apache-2.0
#include "serving/upstreams/upstream_api.h"

#include <array>

#include "base/check.h"
#include "base/text.h"
#include "protocol/anthropic.h"
#include "protocol/openai.h"

namespace plinth::serving {
namespace {

constexpr std::string_view kAnthropicVersion = "2023-06-01";

void add_bearer(http::Headers& headers, const std::string& key) {
  if (!key.empty()) headers.emplace_back("authorization", "Bearer " + key);
}

void add_anthropic_key(http::Headers& headers, const std::string& key) {
  headers.emplace_back("anthropic-version", kAnthropicVersion);
  if (!key.empty()) headers.emplace_back("x-api-key", key);
}

Result<Json> encode_openai(const protocol::ChatRequest& chat) {
  return protocol::openai::encode_chat(chat, true);
}

Result<Json> encode_openai_plain(const protocol::ChatRequest& chat) {
  return protocol::openai::encode_completion(chat, true);
}

std::unique_ptr<protocol::StreamDecoder> create_chunk_decoder() {
  return std::make_unique<protocol::openai::ChunkDecoder>();
}

constexpr std::array kApis{
    UpstreamApiRow{UpstreamApi::openai, "openai", "/chat/completions", "/completions", add_bearer,
                   encode_openai, encode_openai_plain, create_chunk_decoder,
                   protocol::openai::decode_error},
    UpstreamApiRow{UpstreamApi::anthropic, "anthropic", "/messages", "", add_anthropic_key,
                   protocol::anthropic::encode_chat, nullptr,
                   protocol::anthropic::create_event_decoder, protocol::anthropic::decode_error},
};

constexpr bool is_indexed_by_api() {
  for (size_t i = 0; i < kApis.size(); ++i) {
    if (static_cast<size_t>(kApis[i].api) != i) return false;
  }
  return true;
}
static_assert(is_indexed_by_api(), "one row per API, in the order of the enum");

}  // namespace

const UpstreamApiRow& upstream_api_row(UpstreamApi api) {
  const auto index = static_cast<size_t>(api);
  CHECK(index < kApis.size());
  return kApis[index];
}

Result<UpstreamApi> find_upstream_api(std::string_view name) {
  std::string known;
  for (const UpstreamApiRow& row : kApis) {
    if (row.name == name) return row.api;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  return make_error(ErrorCode::invalid_argument,
                    "upstream_api: unknown value '" + shorten(name, 64) + "'; use one of " + known,
                    "upstream_api");
}

}  // namespace plinth::serving
