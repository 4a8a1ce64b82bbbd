// SPDX-License-Identifier: Apache-2.0
// Serving: a model name and a ChatRequest become a stream of events, from whichever replica the
// router picks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/result.h"
#include "guard/authorizer.h"
#include "guard/request.h"
#include "http/client.h"
#include "protocol/chat.h"
#include "protocol/embeddings.h"
#include "store/events.h"
#include "telemetry/metrics.h"

namespace plinth::serving {

// The reading end of one reply. Destroying it before the end cancels the work.
class ChatStream {
 public:
  virtual ~ChatStream() = default;
  virtual const std::string& id() const = 0;  // "req_…"
  virtual std::optional<protocol::ChatEvent> try_next() = 0;
  virtual std::optional<protocol::ChatEvent> next(Duration wait) = 0;  // blocks up to wait
  // Called on a producing thread whenever an event is ready; must not block. Fires at once if one
  // already waits.
  virtual void on_ready(std::function<void()> callback) = 0;
  virtual void cancel() = 0;
};

enum class ReplicaKind : uint8_t { native, upstream };

// What an upstream speaks; the table is serving/upstreams/upstream_api.cc.
enum class UpstreamApi : uint8_t { openai, anthropic };
// Error invalid_argument: names the known ones.
Result<UpstreamApi> find_upstream_api(std::string_view name);

// A LoRA adapter of a native model, which is served beside it as "MODEL:NAME".
struct AdapterSpec {
  std::string name;
  std::string path;  // GGUF
};

// Declared in plinth.yaml (`models:`) or by `plinth up --model/--upstream`.
struct ModelSpec {
  std::string name;
  ReplicaKind kind = ReplicaKind::native;
  std::string path;                   // native: GGUF
  std::vector<AdapterSpec> adapters;  // native
  std::string url;                    // upstream: base URL, ".../v1"
  UpstreamApi upstream_api = UpstreamApi::openai;
  std::string upstream_model;  // upstream: the name there; empty: `name`, or the first it lists
  std::string api_key;         // upstream: resolved from api_key_env or api_key_file; never printed
  int64_t context_tokens_max = 0;
  int threads = 0;
};

struct RouteTarget {
  std::string model;
  double weight = 1;  // its share of the requests, against those of the others
};

// A name that stands for models. A request goes to one target, and when that one is full, not ready
// or out of reach before anything of the reply exists, to the fallbacks in order.
struct RouteSpec {
  std::string name;
  std::vector<RouteTarget> targets;
  std::vector<std::string> fallbacks = {};
};

struct ModelStatus {
  std::string name;
  std::string kind;  // "native" | "upstream" | "embedder" | "adapter" | "route"
  // "ready" | "failed" (not loaded) | of an upstream also "unreachable" (by the last call of it)
  // and "unchecked" (not called yet).
  std::string state;
  std::string detail;  // placement reason or failure
  Json summary = Json::object();
  int running = 0;
  int waiting = 0;
  WallTime since;
  Json to_json() const;
};

struct AdmissionOptions {
  int running_max = 64;  // per model and tenant, handed to replicas; of all tenants twice as many
  int queue_max = 128;   // waiting, per model; then overloaded with retry_after
  Duration queue_wait_max = std::chrono::seconds(30);
  double requests_per_second_max = 0;  // per principal; 0: no limit
};

// Requests that a principal may send.
struct RateLimit {
  int64_t requests = 0;    // at once
  int64_t remaining = 0;   // of these, now
  Duration until_reset{};  // until all remain again
};

struct ServingOptions {
  guard::Authorizer& authorizer;
  http::Client& client;
  const Clock& clock;
  IdSource& ids;
  WorkerPool& workers;    // embeddings block here
  store::Events& events;  // topic "model"
  telemetry::Metrics& metrics;
  AdmissionOptions admission;
  uint64_t memory_bytes_max =
      0;  // 0: no limit known; a native model that does not fit is refused with the reason
  std::string cache_folder = {};  // of packed weights, for the next start; empty: none
};

// What a model's tokenizer is asked: the tokens of a text, or of a conversation as the model's
// template writes it.
struct TokenizeCall {
  protocol::ChatRequest chat;      // model; prompt, or messages and tools
  bool is_special_added = true;    // of a text: the tokens that begin and end one
  bool is_special_parsed = false;  // of a text: the names of special tokens become those tokens
};

struct TokenizedPrompt {
  std::vector<int32_t> tokens;
  std::vector<std::string> texts;  // one a token: its bytes, which need not be whole characters
  int64_t context_tokens = 0;      // of a sequence, at most
};

// Thread-safe. Every acting call authorizes its Request first.
class Serving {
 public:
  virtual ~Serving() = default;
  // Start-up and operators: loads a native model or registers an upstream. Errors say why it does
  // not fit.
  virtual Status add_model(const ModelSpec& spec) = 0;
  // Of models that were added. Errors: invalid_argument (names the field), already_exists,
  // not_found (a model of it).
  virtual Status add_route(const RouteSpec& spec) = 0;
  // The routes among them.
  virtual Result<std::vector<ModelStatus>> models(const guard::Request& request) = 0;
  virtual Result<ModelStatus> model(const guard::Request& request, const std::string& name) = 0;
  // Authorizes model_call for every model that may answer (of a route, those denied are left out),
  // admits, routes, starts. Errors: denied, not_found, overloaded,
  // rate_limited, context_length_exceeded, invalid_argument. Later failures come as a failed event.
  virtual Result<std::unique_ptr<ChatStream>> chat(const guard::Request& request,
                                                   protocol::ChatRequest chat) = 0;
  // The whole reply; blocks until finished, deadline or cancellation.
  virtual Result<protocol::ChatReply> chat_whole(const guard::Request& request,
                                                 protocol::ChatRequest chat) = 0;
  // Authorizes model_call. Errors: denied, not_found, unavailable, invalid_argument, unsupported
  // (an upstream's tokenizer is not here; no template).
  virtual Result<TokenizedPrompt> tokenize(const guard::Request& request, TokenizeCall call) = 0;
  virtual Result<std::string> detokenize(const guard::Request& request, const std::string& model,
                                         const std::vector<int32_t>& tokens) = 0;
  // Tokens of the prompt that the chat becomes; authorizes model_call, starts nothing. Errors:
  // denied, not_found, unavailable, unsupported (an upstream's), invalid_argument.
  virtual Result<int64_t> count_tokens(const guard::Request& request,
                                       protocol::ChatRequest chat) = 0;
  // Authorizes model_call, admits, routes, starts: the stream has one event, finished with the
  // vectors or failed. A native model's vectors have length 1; an upstream's are as it makes them.
  // Errors: as of chat; of a model's inputs (invalid_argument, context_length_exceeded) as a failed
  // event.
  virtual Result<std::unique_ptr<ChatStream>> embed(const guard::Request& request,
                                                    protocol::EmbeddingRequest embedding) = 0;
  // What became of a request of this tenant, by its id (req_…): when it came, policy, admission,
  // routing, times, tokens and end of its calls. The latest are kept, the slow and the failed ones
  // longer. Authorizes model_list; for another principal's request audit_read. Errors: denied,
  // not_found.
  virtual Result<Json> explain(const guard::Request& request, const std::string& id) = 0;
  // Of the principal; nullopt: there is no limit.
  virtual std::optional<RateLimit> rate_limit(const guard::Request& request) const = 0;
  virtual void publish_load() = 0;  // as of now, into the metrics
  // Calls the upstreams that are not known to be reachable, until time_max; blocks. For start-up
  // and from time to time.
  virtual void check_upstreams(Duration time_max) = 0;
  // How many models are in each state; names none.
  virtual std::map<std::string, int> states() const = 0;
  virtual std::string default_model() const = 0;  // the first added that chats; empty when none
  // Whether a chat may take this machine's processors: false while every model is an upstream, and
  // then chat does not block.
  virtual bool computes() const { return true; }
};

std::unique_ptr<Serving> create_serving(const ServingOptions& options);

}  // namespace plinth::serving
