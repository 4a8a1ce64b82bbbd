// SPDX-License-Identifier: Apache-2.0
// What an upstream may speak: where its chats are, how a key is shown, how requests are written and
// streams are read. One table.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/client.h"
#include "protocol/stream_decoder.h"
#include "serving/serving.h"

namespace plinth::serving {

struct UpstreamApiRow {
  UpstreamApi api;
  std::string_view name;
  std::string_view chat_path;   // below the base URL
  std::string_view plain_path;  // where plain prompts go; empty: nowhere
  void (*add_key)(http::Headers& headers, const std::string& key);  // empty: none is known
  // A streamed reply. Error invalid_argument: the API has no place for a part of the request.
  Result<Json> (*encode_chat)(const protocol::ChatRequest& chat);
  Result<Json> (*encode_plain)(const protocol::ChatRequest& chat);  // nullptr without a path
  std::unique_ptr<protocol::StreamDecoder> (*create_decoder)();
  Error (*decode_error)(int http_status, std::string_view body);
};

const UpstreamApiRow& upstream_api_row(UpstreamApi api);

}  // namespace plinth::serving
