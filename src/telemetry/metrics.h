// SPDX-License-Identifier: Apache-2.0
// Metrics: one table names them all (metrics.cc); a process has one Metrics, handed in where things
// are counted. Names follow the OpenTelemetry GenAI and HTTP conventions in Prometheus spelling;
// our own begin with plinth_.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace plinth::telemetry {

enum class Metric : uint8_t {
  http_request_seconds,
  http_active_requests,
  gen_ai_request_seconds,
  gen_ai_first_token_seconds,
  gen_ai_output_token_seconds,
  gen_ai_tokens,
  gen_ai_queue_seconds,
  gen_ai_cached_tokens,
  gen_ai_requests,
  model_running,
  model_waiting,
  kv_usage,
  admission_refused,
  queue_depth,
  queue_wait_seconds,
  router_retries,
  replicas,
  model_load_seconds,
  engine_batch_sequences,
  kv_blocks_used,
  prefix_cache_tokens,
  speculated_tokens,
  engine_preemptions,
  runs,
  runs_active,
  steps,
  step_seconds,
  tool_seconds,
  approvals_pending,
  decisions,
  journal_appends,
  journal_sync_seconds,
  memory_records,
  recall_seconds,
};

enum class MetricKind : uint8_t { counter, gauge, histogram };

// One row of the metric table: docs/reference/metrics.md is generated from it.
struct MetricRow {
  Metric metric;
  std::string_view name;
  MetricKind kind;
  std::string_view help;                     // one sentence; the unit stands in the name
  std::span<const std::string_view> labels;  // names every sample must carry, in this order
  std::span<const double> buckets;           // upper bounds, of histograms only
};

std::span<const MetricRow> metric_table();
const MetricRow& metric_row(Metric metric);

// Label values in the order of the row, each with its name: {{"kind", "tool"}}. Values may come
// from outside: they are shortened, and past kSeriesMax all further ones of a metric are counted as
// "other".
using MetricLabels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// Other servers' names for some of these, for dashboards that were made for them.
enum class Aliases : uint8_t { none, vllm };

// One row of the table of vLLM's names, for docs/reference/metrics.md.
struct MetricAlias {
  std::string_view name;
  Metric source;
  std::string_view help;
  // Samples of chats with another value of this label are left out; empty: none are.
  std::string_view only_label = {};
  std::string_view only_value = {};
  bool is_sum = false;  // a counter from the sum of a histogram
};
std::span<const MetricAlias> vllm_aliases();

// Thread-safe. Calls CHECK that the kind and the label names are those of the row.
class Metrics {
 public:
  static constexpr size_t kSeriesMax = 256;  // label sets of one metric
  static constexpr size_t kLabelValueBytesMax = 96;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void add(Metric metric, double by = 1, MetricLabels labels = {});  // counter (by >= 0) or gauge
  void set(Metric metric, double value, MetricLabels labels = {});   // gauge
  void observe(Metric metric, double value, MetricLabels labels = {});  // histogram

  // Prometheus' text exposition format 0.0.4.
  std::string prometheus_text(Aliases aliases = Aliases::none) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace plinth::telemetry
