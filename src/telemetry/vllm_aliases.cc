// SPDX-License-Identifier: Apache-2.0
// Names and labels as vLLM documents them (Production Metrics, V1 engine). Its histogram of the
// time between tokens has each token's; ours has each reply's mean.
#include "telemetry/vllm_aliases.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "telemetry/metrics.h"

namespace plinth::telemetry {
namespace {

constexpr std::string_view kEngine = "0";  // one engine a model

using enum Metric;

constexpr std::array kAliases{
    MetricAlias{"vllm:num_requests_running", model_running,
                "Number of requests in model execution."},
    MetricAlias{"vllm:num_requests_waiting", model_waiting, "Number of requests waiting."},
    MetricAlias{"vllm:kv_cache_usage_perc", kv_usage, "KV-cache usage. 1 means 100 percent usage."},
    MetricAlias{"vllm:time_to_first_token_seconds", gen_ai_first_token_seconds,
                "Time to first token."},
    MetricAlias{"vllm:inter_token_latency_seconds", gen_ai_output_token_seconds,
                "Mean time between the tokens of one reply."},
    MetricAlias{"vllm:e2e_request_latency_seconds", gen_ai_request_seconds,
                "End to end request latency."},
    MetricAlias{"vllm:request_queue_time_seconds", gen_ai_queue_seconds, "Time spent waiting."},
    MetricAlias{"vllm:prompt_tokens_total", gen_ai_tokens, "Prefill tokens processed.",
                "gen_ai_token_type", "input", true},
    MetricAlias{"vllm:generation_tokens_total", gen_ai_tokens, "Generation tokens processed.",
                "gen_ai_token_type", "output", true},
    MetricAlias{"vllm:prefix_cache_queries_total", gen_ai_tokens,
                "Prefix cache queries, in number of queried tokens.", "gen_ai_token_type", "input",
                true},
    MetricAlias{"vllm:prefix_cache_hits_total", gen_ai_cached_tokens,
                "Prefix cache hits, in number of cached tokens."},
    MetricAlias{"vllm:request_success_total", gen_ai_requests, "Requests that ended well."},
};

// Ends that vLLM counts as a success; nullopt: an error.
std::optional<std::string> finished_reason(std::string_view outcome) {
  if (outcome == "stop" || outcome == "tool_calls") return "stop";
  if (outcome == "length") return "length";
  if (outcome == "cancelled") return "abort";
  return std::nullopt;
}

// nullopt: the sample has no place under the alias.
std::optional<std::vector<prometheus::ClientMetric::Label>> labels_of(
    const MetricAlias& alias, const std::vector<prometheus::ClientMetric::Label>& labels) {
  std::vector<prometheus::ClientMetric::Label> renamed = {{"engine", std::string(kEngine)}};
  for (const prometheus::ClientMetric::Label& label : labels) {
    if (label.name == "gen_ai_request_model") renamed.push_back({"model_name", label.value});
    if (label.name == "gen_ai_operation_name" && label.value != "chat") return std::nullopt;
    if (label.name == alias.only_label && label.value != alias.only_value) return std::nullopt;
    if (label.name == "outcome") {
      const auto reason = finished_reason(label.value);
      if (!reason) return std::nullopt;
      renamed.push_back({"finished_reason", *reason});
    }
  }
  return renamed;
}

// Samples that have the same labels by now are counters, and are added up.
void add_sample(std::vector<prometheus::ClientMetric>& samples, prometheus::ClientMetric sample) {
  const auto same = std::find_if(samples.begin(), samples.end(),
                                 [&](const auto& known) { return known.label == sample.label; });
  if (same == samples.end()) return samples.push_back(std::move(sample));
  same->counter.value += sample.counter.value;
}

prometheus::MetricFamily family_of(const MetricAlias& alias,
                                   const prometheus::MetricFamily& source) {
  prometheus::MetricFamily family;
  family.name = alias.name;
  family.help = alias.help;
  family.type = alias.is_sum ? prometheus::MetricType::Counter : source.type;
  for (const prometheus::ClientMetric& metric : source.metric) {
    auto labels = labels_of(alias, metric.label);
    if (!labels) continue;
    prometheus::ClientMetric sample;
    if (alias.is_sum) {
      sample.counter.value = metric.histogram.sample_sum;
    } else {
      sample = metric;
    }
    sample.label = std::move(*labels);
    add_sample(family.metric, std::move(sample));
  }
  return family;
}

}  // namespace

std::span<const MetricAlias> vllm_aliases() { return kAliases; }

std::vector<prometheus::MetricFamily> vllm_families(
    const std::vector<prometheus::MetricFamily>& collected) {
  std::vector<prometheus::MetricFamily> families;
  for (const MetricAlias& alias : kAliases) {
    const std::string_view name = metric_row(alias.source).name;
    const auto source = std::find_if(collected.begin(), collected.end(),
                                     [&](const auto& family) { return family.name == name; });
    if (source != collected.end()) families.push_back(family_of(alias, *source));
  }
  return families;
}

}  // namespace plinth::telemetry
