// SPDX-License-Identifier: Apache-2.0
// The metric table. A new metric is one enumerator and one row here. Names and buckets of gen_ai_*
// and http_* are those of the OpenTelemetry semantic conventions (GenAI metrics, HTTP metrics),
// dots written as underscores and the unit as suffix.
#include <array>

#include "base/check.h"
#include "telemetry/metrics.h"

namespace plinth::telemetry {
namespace {

using Names = std::span<const std::string_view>;
using Buckets = std::span<const double>;

constexpr std::array<std::string_view, 3> kHttpLabels{"http_request_method", "http_route",
                                                      "http_response_status_code"};
constexpr std::array<std::string_view, 2> kOperationLabels{"gen_ai_operation_name",
                                                           "gen_ai_request_model"};
constexpr std::array<std::string_view, 3> kOperationOutcomeLabels{
    "gen_ai_operation_name", "gen_ai_request_model", "outcome"};
constexpr std::array<std::string_view, 1> kModelLabels{"gen_ai_request_model"};
constexpr std::array<std::string_view, 2> kModelOutcomeLabels{"gen_ai_request_model", "outcome"};
constexpr std::array<std::string_view, 3> kTokenLabels{"gen_ai_operation_name",
                                                       "gen_ai_request_model", "gen_ai_token_type"};
constexpr std::array<std::string_view, 2> kToolLabels{"tool", "outcome"};
constexpr std::array<std::string_view, 1> kReasonLabels{"reason"};
constexpr std::array<std::string_view, 1> kQueueLabels{"queue"};
constexpr std::array<std::string_view, 1> kStateLabels{"state"};
constexpr std::array<std::string_view, 1> kStatusLabels{"status"};
constexpr std::array<std::string_view, 1> kKindLabels{"kind"};
constexpr std::array<std::string_view, 1> kEffectLabels{"effect"};
constexpr std::array<std::string_view, 1> kOutcomeLabels{"outcome"};

constexpr std::array kHttpBuckets{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                  0.5,   0.75, 1.0,   2.5,  5.0,   7.5, 10.0};
constexpr std::array kRequestBuckets{0.01, 0.02, 0.04, 0.08,  0.16,  0.32,  0.64,
                                     1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
constexpr std::array kFirstTokenBuckets{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
                                        0.25,  0.5,   0.75, 1.0,  2.5,  5.0,  7.5,  10.0};
constexpr std::array kOutputTokenBuckets{0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,
                                         0.3,  0.4,   0.5,  0.75,  1.0, 2.5};
constexpr std::array kTokenCountBuckets{1.0,       4.0,       16.0,       64.0,      256.0,
                                        1024.0,    4096.0,    16384.0,    65536.0,   262144.0,
                                        1048576.0, 4194304.0, 16777216.0, 67108864.0};
constexpr std::array kBatchBuckets{1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0};
// Disk syncs and in-memory work: a tenth of a millisecond to a few seconds.
constexpr std::array kShortBuckets{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                   0.025,  0.05,    0.1,    0.25,  0.5,    1.0,   2.5};

constexpr MetricRow counter(Metric metric, std::string_view name, std::string_view help,
                            Names labels = {}) {
  return {metric, name, MetricKind::counter, help, labels, {}};
}
constexpr MetricRow gauge(Metric metric, std::string_view name, std::string_view help,
                          Names labels = {}) {
  return {metric, name, MetricKind::gauge, help, labels, {}};
}
constexpr MetricRow histogram(Metric metric, std::string_view name, std::string_view help,
                              Buckets buckets, Names labels = {}) {
  return {metric, name, MetricKind::histogram, help, labels, buckets};
}

using enum Metric;

constexpr std::array kMetricTable{
    histogram(http_request_seconds, "http_server_request_duration_seconds",
              "Time from a request's head to the end of its response.", kHttpBuckets, kHttpLabels),
    gauge(http_active_requests, "http_server_active_requests", "Requests being answered now."),
    histogram(gen_ai_request_seconds, "gen_ai_server_request_duration_seconds",
              "Time from admission of a generation to its last token.", kRequestBuckets,
              kOperationLabels),
    histogram(gen_ai_first_token_seconds, "gen_ai_server_time_to_first_token_seconds",
              "Time to first token, queueing included.", kFirstTokenBuckets, kOperationLabels),
    histogram(gen_ai_output_token_seconds, "gen_ai_server_time_per_output_token_seconds",
              "Mean time per token after the first, of one reply.", kOutputTokenBuckets,
              kOperationLabels),
    histogram(gen_ai_tokens, "gen_ai_client_token_usage",
              "Tokens of one call, gen_ai_token_type input or output.", kTokenCountBuckets,
              kTokenLabels),
    histogram(gen_ai_queue_seconds, "gen_ai_server_queue_duration_seconds",
              "Time from admission of a request to the start on a replica.", kFirstTokenBuckets,
              kOperationLabels),
    counter(gen_ai_cached_tokens, "gen_ai_server_cached_input_tokens_total",
            "Input tokens that a prefix cache had already, of replies that ended.",
            kOperationLabels),
    counter(gen_ai_requests, "gen_ai_server_requests_total",
            "Requests that ended, by finish reason or error.", kOperationOutcomeLabels),
    gauge(model_running, "plinth_model_requests_running",
          "Requests of a model that its replicas compute.", kModelLabels),
    gauge(model_waiting, "plinth_model_requests_waiting",
          "Requests of a model that wait, for a slot or in a replica.", kModelLabels),
    gauge(kv_usage, "plinth_kv_usage_ratio",
          "Share of the room for keys and values that running requests hold.", kModelLabels),
    counter(admission_refused, "plinth_admission_refused_total",
            "Requests refused before any work, by reason.", kReasonLabels),
    gauge(queue_depth, "plinth_queue_depth", "Entries waiting in a bounded queue.", kQueueLabels),
    histogram(queue_wait_seconds, "plinth_queue_wait_seconds",
              "Time an entry waited in a bounded queue.", kShortBuckets, kQueueLabels),
    counter(router_retries, "plinth_router_retries_total",
            "Attempts repeated on another replica, by the error that caused them.", kReasonLabels),
    gauge(replicas, "plinth_replicas", "Replicas on this node, by state.", kStateLabels),
    histogram(model_load_seconds, "plinth_model_load_seconds",
              "Cold start: from the decision to the first served token.", kRequestBuckets,
              kModelLabels),
    histogram(engine_batch_sequences, "plinth_engine_batch_sequences",
              "Sequences computed together in one iteration.", kBatchBuckets, kModelLabels),
    gauge(kv_blocks_used, "plinth_kv_blocks_used", "KV blocks in use.", kModelLabels),
    counter(prefix_cache_tokens, "plinth_prefix_cache_tokens_total",
            "Prompt tokens looked up in the prefix cache, by outcome hit or miss.", kOutcomeLabels),
    counter(speculated_tokens, "plinth_speculated_tokens_total",
            "Tokens proposed ahead of the model, by outcome accepted or refused.",
            kModelOutcomeLabels),
    counter(engine_preemptions, "plinth_engine_preemptions_total",
            "Times that a sequence made room in the batch for one of another group.", kModelLabels),
    counter(runs, "plinth_runs_total", "Runs that ended, by final status.", kStatusLabels),
    gauge(runs_active, "plinth_runs_active", "Runs this node drives now."),
    counter(steps, "plinth_steps_total", "Steps journaled, by kind.", kKindLabels),
    histogram(step_seconds, "plinth_step_seconds", "Time of one step, by kind.", kRequestBuckets,
              kKindLabels),
    histogram(tool_seconds, "plinth_tool_seconds", "Time of one tool call.", kRequestBuckets,
              kToolLabels),
    gauge(approvals_pending, "plinth_approvals_pending", "Approvals that wait for a person."),
    counter(decisions, "plinth_decisions_total", "Decisions of the guard, by effect.",
            kEffectLabels),
    counter(journal_appends, "plinth_journal_appends_total", "Entries appended to the journal."),
    histogram(journal_sync_seconds, "plinth_journal_sync_seconds",
              "Time until appended entries were on disk.", kShortBuckets),
    gauge(memory_records, "plinth_memory_records", "Records held by the memory of this node."),
    histogram(recall_seconds, "plinth_recall_seconds", "Time of one recall.", kShortBuckets),
};

constexpr bool is_indexed_by_metric() {
  for (size_t i = 0; i < kMetricTable.size(); ++i) {
    if (static_cast<size_t>(kMetricTable[i].metric) != i) return false;
  }
  return kMetricTable.size() == static_cast<size_t>(recall_seconds) + 1;
}
static_assert(is_indexed_by_metric(), "one row per metric, in the order of the enum");

}  // namespace

std::span<const MetricRow> metric_table() { return kMetricTable; }

const MetricRow& metric_row(Metric metric) {
  const auto index = static_cast<size_t>(metric);
  CHECK(index < kMetricTable.size());
  return kMetricTable[index];
}

}  // namespace plinth::telemetry
