// SPDX-License-Identifier: Apache-2.0
// An upstream: any server that speaks OpenAI's chat completions (and completions, for plain
// prompts) and embeddings, or Anthropic's Messages API, used like a replica. Calls hold no thread:
// the client's loops carry them.
#pragma once

#include <memory>
#include <string>

#include "base/ids.h"
#include "base/loop.h"
#include "http/client.h"
#include "serving/replicas/replica.h"

namespace plinth::serving {

inline constexpr int kConnectAttemptsMax = 2;  // before the first byte of an answer

struct UpstreamOptions {
  std::string id;
  std::string url;   // base URL, ".../v1"
  std::string name;  // of the model here
  UpstreamApi api = UpstreamApi::openai;
  // The model's name there. Empty: `name` when the URL lists it under /models, else the first that
  // it lists; asked at the first call, so that a node may start before its upstream.
  std::string model;
  std::string api_key;  // empty: none is sent
  http::Client& client;
  WorkerPool& workers;
  IdSource& ids;
  Duration first_byte_max = std::chrono::seconds(120);
  Duration between_bytes_max = std::chrono::seconds(60);
};

// Errors: invalid_argument (the URL).
Result<std::unique_ptr<Replica>> create_upstream(UpstreamOptions options);

}  // namespace plinth::serving
