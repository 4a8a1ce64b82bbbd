// SPDX-License-Identifier: Apache-2.0
// Rates are exponentially weighted means: the newest call counts a fifth.
#include "serving/router/ledger.h"

#include <algorithm>

namespace plinth::serving {

namespace {

constexpr double kRateWeight = 0.2;
constexpr double kSecondsMin = 1e-4;

double seconds(Duration span) {
  return std::max(std::chrono::duration<double>(span).count(), kSecondsMin);
}

void learn(double& rate, double sample) {
  if (sample <= 0) return;
  rate = rate > 0 ? rate + kRateWeight * (sample - rate) : sample;
}

}  // namespace

void ReplicaLedger::started(const std::string& call, const PromptShape& shape,
                            int64_t output_tokens, MonotonicTime now) {
  calls_[call] = {std::max<int64_t>(shape.tokens - cached_tokens(shape), 0), output_tokens, now,
                  std::nullopt};
  remember(shape);
}

void ReplicaLedger::first_token(const std::string& call, MonotonicTime now) {
  const auto found = calls_.find(call);
  if (found == calls_.end() || found->second.first_token) return;
  found->second.first_token = now;
  unreachable_since_.reset();
}

void ReplicaLedger::finished(const std::string& call, const protocol::Usage& usage,
                             MonotonicTime now) {
  unreachable_since_.reset();
  if (usage.cached_tokens > 0) has_prefix_cache_ = true;
  const auto found = calls_.find(call);
  if (found == calls_.end()) return;
  const UnderWay ended = found->second;
  const auto sharers = static_cast<double>(calls_.size());
  calls_.erase(found);
  if (!ended.first_token) return;
  const auto computed = static_cast<double>(usage.prompt_tokens - usage.cached_tokens);
  learn(prefill_tokens_per_s_, computed / seconds(*ended.first_token - ended.started));
  if (usage.completion_tokens > 1) {
    const double each =
        static_cast<double>(usage.completion_tokens - 1) / seconds(now - *ended.first_token);
    learn(decode_tokens_per_s_, each * sharers);
  }
}

void ReplicaLedger::failed(const std::string& call, bool is_unreachable, MonotonicTime now) {
  calls_.erase(call);
  if (is_unreachable) unreachable_since_ = now;
}

decisions::RouteCandidate ReplicaLedger::candidate(const std::string& id, const ReplicaLoad& load,
                                                   int parallel_max, const PromptShape& shape,
                                                   MonotonicTime now) const {
  decisions::RouteCandidate candidate;
  candidate.id = id;
  candidate.is_healthy = !unreachable_since_ || now - *unreachable_since_ >= kUnhealthyFor;
  candidate.prefill_tokens_per_s =
      load.prefill_tokens_per_s > 0 ? load.prefill_tokens_per_s : prefill_tokens_per_s_;
  candidate.decode_tokens_per_s =
      load.decode_tokens_per_s > 0 ? load.decode_tokens_per_s : decode_tokens_per_s_;
  int64_t output_tokens = 0;
  for (const auto& [call, under_way] : calls_) {
    output_tokens += under_way.output_tokens;
    if (under_way.first_token) {
      ++candidate.running;
    } else {
      candidate.queue_tokens += under_way.prompt_tokens;
    }
  }
  // Beyond its slots, a newcomer waits until the share of the calls in excess has been decoded.
  const auto calls = static_cast<int64_t>(calls_.size());
  if (parallel_max > 0 && calls >= parallel_max) {
    candidate.queue_output_tokens = output_tokens / calls * (calls - parallel_max + 1);
    candidate.running = parallel_max - 1;
  }
  candidate.cached_prefix_tokens = cached_tokens(shape);
  return candidate;
}

void ReplicaLedger::remember(const PromptShape& shape) {
  for (const PrefixMark& mark : shape.prefixes) {
    prefix_order_.push_back(mark.hash);
    ++prefixes_[mark.hash];
  }
  while (prefix_order_.size() > kPrefixesMax) {
    const auto oldest = prefixes_.find(prefix_order_.front());
    if (--oldest->second == 0) prefixes_.erase(oldest);
    prefix_order_.pop_front();
  }
}

int64_t ReplicaLedger::cached_tokens(const PromptShape& shape) const {
  if (!has_prefix_cache_) return 0;
  for (auto mark = shape.prefixes.rbegin(); mark != shape.prefixes.rend(); ++mark) {
    if (prefixes_.contains(mark->hash)) return mark->tokens;
  }
  return 0;
}

}  // namespace plinth::serving
