// SPDX-License-Identifier: Apache-2.0
#include "telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/text.h"

namespace plinth::telemetry {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(MetricTable, names_are_unique_and_valid_in_prometheus) {
  std::set<std::string_view> names;
  for (const MetricRow& row : metric_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(row.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos);
    EXPECT_TRUE(row.name.starts_with("plinth_") || row.name.starts_with("gen_ai_") ||
                row.name.starts_with("http_"))
        << row.name;
    EXPECT_EQ(row.name.ends_with("_total"), row.kind == MetricKind::counter) << row.name;
    EXPECT_TRUE(row.help.ends_with('.')) << row.name;
    EXPECT_EQ(&metric_row(row.metric), &row);
  }
}

TEST(MetricTable, only_histograms_have_buckets_and_theirs_rise) {
  for (const MetricRow& row : metric_table()) {
    EXPECT_EQ(row.buckets.empty(), row.kind != MetricKind::histogram) << row.name;
    for (size_t i = 1; i < row.buckets.size(); ++i) {
      EXPECT_LT(row.buckets[i - 1], row.buckets[i]) << row.name;
    }
  }
}

TEST(Metrics, counts_sets_and_observes_into_prometheus_text) {
  Metrics metrics;
  metrics.add(Metric::runs, 1, {{"status", "succeeded"}});
  metrics.add(Metric::runs, 2, {{"status", "succeeded"}});
  metrics.set(Metric::queue_depth, 7, {{"queue", "admission"}});
  metrics.add(Metric::runs_active, 3);
  metrics.add(Metric::runs_active, -1);
  metrics.observe(Metric::tool_seconds, 0.03, {{"tool", "search"}, {"outcome", "ok"}});
  const std::string text = metrics.prometheus_text();
  EXPECT_THAT(text, HasSubstr("# TYPE plinth_runs_total counter\n"));
  EXPECT_THAT(text, HasSubstr("plinth_runs_total{status=\"succeeded\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("plinth_queue_depth{queue=\"admission\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("plinth_runs_active 2\n"));
  EXPECT_THAT(text, HasSubstr("plinth_tool_seconds_count{outcome=\"ok\",tool=\"search\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("tool=\"search\",le=\"0.02\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("tool=\"search\",le=\"0.04\"} 1\n"));
}

TEST(Metrics, metrics_without_labels_are_there_from_the_start) {
  const Metrics metrics;
  EXPECT_THAT(metrics.prometheus_text(), HasSubstr("plinth_journal_appends_total 0\n"));
  EXPECT_THAT(metrics.prometheus_text(), Not(HasSubstr("plinth_runs_total{")));
}

TEST(Metrics, label_values_from_outside_can_neither_grow_without_bound_nor_break_the_text) {
  Metrics metrics;
  for (size_t i = 0; i < Metrics::kSeriesMax * 2; ++i) {
    metrics.add(Metric::decisions, 1, {{"effect", "value-" + std::to_string(i)}});
  }
  const std::string text = metrics.prometheus_text();
  size_t series = 0;
  for (const std::string_view line : split(text, '\n')) {
    series += line.starts_with("plinth_decisions_total{");
  }
  EXPECT_EQ(series, Metrics::kSeriesMax);
  EXPECT_THAT(text, HasSubstr("plinth_decisions_total{effect=\"other\"} 257\n"));

  metrics.add(Metric::runs, 1, {{"status", "a\"b\n\xff"}});
  metrics.add(Metric::runs, 1, {{"status", "x\ny\"z"}});
  metrics.add(Metric::runs, 1, {{"status", std::string(5000, 's')}});
  const std::string hostile = metrics.prometheus_text();
  EXPECT_THAT(hostile, HasSubstr("{status=\"invalid\"} 1\n"));
  EXPECT_THAT(hostile, HasSubstr("{status=\"x\\ny\\\"z\"} 1\n"));
  EXPECT_THAT(hostile, Not(HasSubstr(std::string(Metrics::kLabelValueBytesMax + 1, 's'))));
}

TEST(Metrics, loses_nothing_between_threads) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        metrics.add(Metric::steps, 1, {{"kind", i % 2 ? "tool" : "model"}});
        metrics.observe(Metric::journal_sync_seconds, 0.001);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(metrics.prometheus_text(), HasSubstr("plinth_steps_total{kind=\"tool\"} 1000\n"));
  EXPECT_THAT(metrics.prometheus_text(), HasSubstr("plinth_journal_sync_seconds_count 2000\n"));
}

TEST(Metrics, has_vllms_names_beside_its_own_when_asked) {
  Metrics metrics;
  const auto observe = [&](std::string_view operation, std::string_view type, double tokens) {
    metrics.observe(Metric::gen_ai_tokens, tokens,
                    {{"gen_ai_operation_name", operation},
                     {"gen_ai_request_model", "m"},
                     {"gen_ai_token_type", type}});
  };
  observe("chat", "input", 10);
  observe("chat", "input", 5);
  observe("chat", "output", 7);
  observe("embeddings", "input", 1000);
  metrics.set(Metric::model_running, 2, {{"gen_ai_request_model", "m"}});
  metrics.set(Metric::kv_usage, 0.5, {{"gen_ai_request_model", "m"}});
  metrics.observe(Metric::gen_ai_first_token_seconds, 0.03,
                  {{"gen_ai_operation_name", "chat"}, {"gen_ai_request_model", "m"}});
  metrics.add(Metric::gen_ai_cached_tokens, 4,
              {{"gen_ai_operation_name", "chat"}, {"gen_ai_request_model", "m"}});
  for (const std::string_view outcome : {"stop", "tool_calls", "length", "overloaded"}) {
    metrics.add(
        Metric::gen_ai_requests, 1,
        {{"gen_ai_operation_name", "chat"}, {"gen_ai_request_model", "m"}, {"outcome", outcome}});
  }
  EXPECT_THAT(metrics.prometheus_text(), Not(HasSubstr("vllm:")));
  const std::string text = metrics.prometheus_text(Aliases::vllm);
  const std::string of_m = "{engine=\"0\",model_name=\"m\"";
  EXPECT_THAT(text, HasSubstr("# TYPE vllm:prompt_tokens_total counter\n"));
  EXPECT_THAT(text, HasSubstr("vllm:prompt_tokens_total" + of_m + "} 15\n"));
  EXPECT_THAT(text, HasSubstr("vllm:generation_tokens_total" + of_m + "} 7\n"));
  EXPECT_THAT(text, HasSubstr("vllm:prefix_cache_queries_total" + of_m + "} 15\n"));
  EXPECT_THAT(text, HasSubstr("vllm:prefix_cache_hits_total" + of_m + "} 4\n"));
  EXPECT_THAT(text, HasSubstr("vllm:num_requests_running" + of_m + "} 2\n"));
  EXPECT_THAT(text, HasSubstr("vllm:kv_cache_usage_perc" + of_m + "} 0.5\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE vllm:time_to_first_token_seconds histogram\n"));
  EXPECT_THAT(text,
              HasSubstr("vllm:time_to_first_token_seconds_bucket" + of_m + ",le=\"0.04\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("vllm:request_success_total" + of_m + ",finished_reason=\"stop\"} 2\n"));
  EXPECT_THAT(text,
              HasSubstr("vllm:request_success_total" + of_m + ",finished_reason=\"length\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("finished_reason=\"overloaded\"")));
}

TEST(MetricsDeathTest, a_call_that_does_not_fit_the_row_is_a_failed_check) {
  Metrics metrics;
  EXPECT_DEATH(metrics.add(Metric::runs, 1), "CHECK failed");
  EXPECT_DEATH(metrics.add(Metric::runs, 1, {{"effect", "x"}}), "CHECK failed");
  EXPECT_DEATH(metrics.add(Metric::runs, -1, {{"status", "x"}}), "CHECK failed");
  EXPECT_DEATH(metrics.set(Metric::journal_appends, 1), "CHECK failed");
  EXPECT_DEATH(metrics.observe(Metric::runs_active, 1), "CHECK failed");
}

}  // namespace
}  // namespace plinth::telemetry
