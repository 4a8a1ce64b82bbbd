// SPDX-License-Identifier: Apache-2.0
// What the router knows of one replica: calls under way, rates learned from those that ended,
// prompt starts it has seen lately, and whether it could be reached. Not thread-safe: the owner's
// lock guards it.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "decisions/route.h"
#include "serving/replicas/replica.h"
#include "serving/router/prompt_shape.h"

namespace plinth::serving {

// A replica that could not be reached is avoided for this long, unless no other is left.
inline constexpr Duration kUnhealthyFor = std::chrono::seconds(5);

class ReplicaLedger {
 public:
  static constexpr size_t kPrefixesMax = 4096;

  // has_prefix_cache: the replica is known to reuse prompt starts; others prove it by reporting
  // cached tokens.
  explicit ReplicaLedger(bool has_prefix_cache) : has_prefix_cache_(has_prefix_cache) {}

  void started(const std::string& call, const PromptShape& shape, int64_t output_tokens,
               MonotonicTime now);
  void first_token(const std::string& call, MonotonicTime now);
  void finished(const std::string& call, const protocol::Usage& usage, MonotonicTime now);
  void failed(const std::string& call, bool is_unreachable, MonotonicTime now);

  decisions::RouteCandidate candidate(const std::string& id, const ReplicaLoad& load,
                                      int parallel_max, const PromptShape& shape,
                                      MonotonicTime now) const;
  double prefill_tokens_per_s() const { return prefill_tokens_per_s_; }
  double decode_tokens_per_s() const { return decode_tokens_per_s_; }

 private:
  struct UnderWay {
    int64_t prompt_tokens = 0;
    int64_t output_tokens = 0;
    MonotonicTime started;
    std::optional<MonotonicTime> first_token;
  };
  void remember(const PromptShape& shape);
  int64_t cached_tokens(const PromptShape& shape) const;

  bool has_prefix_cache_;
  std::map<std::string, UnderWay> calls_;
  double prefill_tokens_per_s_ = 0;
  double decode_tokens_per_s_ = 0;
  std::optional<MonotonicTime> unreachable_since_;
  std::deque<uint64_t> prefix_order_;           // oldest first
  std::unordered_map<uint64_t, int> prefixes_;  // hash -> times it stands in prefix_order_
};

}  // namespace plinth::serving
