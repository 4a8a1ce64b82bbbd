// SPDX-License-Identifier: Apache-2.0
// A replica: one loaded instance of a model, or a remote server used like one. Messages in, events
// out; the two sides share no objects, so a replica can as well live in another process or on
// another node.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "protocol/chat.h"
#include "protocol/embeddings.h"
#include "serving/serving.h"

namespace plinth::serving {

inline constexpr Duration kReachCheckMax = std::chrono::seconds(2);

// One reply to make. `id` is unique among the calls of a replica while it runs.
struct ReplicaCall {
  std::string id;
  protocol::ChatRequest chat;
  std::string group = {};  // "tenant/principal": groups share a replica fairly
  // Instead of a chat: the reply is one finished event with the vectors, or failed.
  std::shared_ptr<const protocol::EmbeddingRequest> embedding = {};
};

// Called in order on the replica's threads, ending with exactly one finished or failed; must not
// block. May be called before start returns.
using ReplicaSink = std::function<void(protocol::ChatEvent)>;

struct ReplicaLoad {
  int running = 0;
  int waiting = 0;
  double prefill_tokens_per_s = 0;  // 0: the replica does not know; the router measures
  double decode_tokens_per_s = 0;   // of all sequences together
  double kv_usage = 0;              // share of the keys and values' room that is taken, 0..1
};

// Whether a replica can be called at all: what is in this process always can, a remote server as
// far as the last call of it tells.
struct Reach {
  enum class Kind : uint8_t { reachable, unchecked, unreachable };
  Kind kind = Kind::reachable;
  std::string cause;  // unreachable
};

// Thread-safe. Destroying one ends its calls (their sinks see the end) and waits for its threads to
// let go.
class Replica {
 public:
  virtual ~Replica() = default;
  virtual const std::string& id() const = 0;
  virtual ReplicaKind kind() const = 0;
  // Errors mean that the sink will not be called: invalid_argument, context_length_exceeded,
  // overloaded, unsupported.
  virtual Status start(ReplicaCall call, ReplicaSink sink) = 0;
  // The sink then ends soon, with finished (cancelled) unless it had ended already. Unknown ids are
  // ignored.
  virtual void cancel(const std::string& call_id) = 0;
  virtual ReplicaLoad load() const = 0;
  // Error unsupported: the model's tokenizer is elsewhere.
  virtual Result<TokenizedPrompt> tokenize(const TokenizeCall& call) const {
    return no_tokenizer(call.chat.model);
  }
  virtual Result<std::string> detokenize(const std::string& model,
                                         const std::vector<int32_t>& /*tokens*/) const {
    return no_tokenizer(model);
  }
  virtual Json describe() const = 0;  // the model's summary, for people
  virtual Reach reach() const { return {}; }
  // Finds out whether it can be reached; blocks for at most kReachCheckMax.
  virtual void check_reach() {}
  // Of the prompt that the chat becomes. Errors: unsupported where the prompt is not made here; of
  // the model's template.
  virtual Result<int64_t> count_tokens(const protocol::ChatRequest& chat) const {
    return make_error(ErrorCode::unsupported, "the tokens of model '" + chat.model +
                                                  "' cannot be counted here: a remote server makes "
                                                  "its prompts; ask that server");
  }
  // Whether it makes nothing but embeddings.
  virtual bool is_embedder() const { return false; }
  virtual int parallel_max() const = 0;  // sequences it computes together; 0: unknown

 private:
  static Error no_tokenizer(const std::string& model) {
    return make_error(ErrorCode::unsupported,
                      "model " + model +
                          " runs on another server and its tokenizer is there; ask "
                          "that server, or a model that this node runs itself",
                      "model");
  }
};

}  // namespace plinth::serving
