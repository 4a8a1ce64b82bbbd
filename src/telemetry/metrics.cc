// SPDX-License-Identifier: Apache-2.0
// Metrics over prometheus-cpp: the table decides what exists, this file bounds how many series can
// come into being.
#include "telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/check.h"
#include "base/mutex.h"
#include "base/text.h"
#include "telemetry/vllm_aliases.h"

namespace plinth::telemetry {
namespace {

constexpr std::string_view kOther = "other";
constexpr char kValueSeparator = '\xff';  // never part of UTF-8

template <typename Series>
using FamilyOf = prometheus::Family<Series>*;
using AnyFamily = std::variant<FamilyOf<prometheus::Counter>, FamilyOf<prometheus::Gauge>,
                               FamilyOf<prometheus::Histogram>>;
using AnySeries = std::variant<prometheus::Counter*, prometheus::Gauge*, prometheus::Histogram*>;

AnyFamily register_family(const MetricRow& row, prometheus::Registry& registry) {
  const std::string name(row.name);
  const std::string help(row.help);
  switch (row.kind) {
    case MetricKind::counter:
      return &prometheus::BuildCounter().Name(name).Help(help).Register(registry);
    case MetricKind::gauge:
      return &prometheus::BuildGauge().Name(name).Help(help).Register(registry);
    case MetricKind::histogram:
      break;
  }
  return &prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

std::string label_value(std::string_view value) {
  if (!is_utf8(value)) return "invalid";
  return shorten(value, Metrics::kLabelValueBytesMax);
}

// The series of one metric, by their label values.
class Column {
 public:
  Column(const MetricRow& row, prometheus::Registry& registry)
      : row_(row), family_(register_family(row, registry)) {
    if (row.labels.empty()) series({});  // shown from the start, as zero
  }

  AnySeries series(MetricLabels labels) EXCLUDES(mutex_) {
    CHECK(std::equal(labels.begin(), labels.end(), row_.labels.begin(), row_.labels.end(),
                     [](const auto& label, std::string_view name) { return label.first == name; }));
    MutexLock lock(mutex_);
    // Values that need no change, most often, are found as they are. A value that holds the
    // separator makes a key that is never found.
    key_.clear();
    for (const auto& label : labels) {
      if (&label != labels.begin()) key_ += kValueSeparator;
      key_ += label.second;
    }
    if (const auto known = series_.find(key_); known != series_.end()) return known->second;
    std::vector<std::string> values;
    for (const auto& [name, value] : labels) values.push_back(label_value(value));
    std::string key = join(values, std::string_view(&kValueSeparator, 1));
    const auto found = series_.find(key);
    if (found != series_.end()) return found->second;
    if (series_.size() + 1 >= Metrics::kSeriesMax) {
      values.assign(values.size(), std::string(kOther));
      key = join(values, std::string_view(&kValueSeparator, 1));
      const auto other = series_.find(key);
      if (other != series_.end()) return other->second;
    }
    const AnySeries added = add(values);
    series_.emplace(std::move(key), added);
    return added;
  }

  const MetricRow& row() const { return row_; }

 private:
  AnySeries add(const std::vector<std::string>& values) const {
    prometheus::Labels labels;
    for (size_t i = 0; i < values.size(); ++i) labels.emplace(row_.labels[i], values[i]);
    if (row_.kind == MetricKind::counter) {
      return &std::get<FamilyOf<prometheus::Counter>>(family_)->Add(labels);
    }
    if (row_.kind == MetricKind::gauge) {
      return &std::get<FamilyOf<prometheus::Gauge>>(family_)->Add(labels);
    }
    const prometheus::Histogram::BucketBoundaries bounds(row_.buckets.begin(), row_.buckets.end());
    return &std::get<FamilyOf<prometheus::Histogram>>(family_)->Add(labels, bounds);
  }

  const MetricRow& row_;
  const AnyFamily family_;
  Mutex mutex_;
  std::unordered_map<std::string, AnySeries> series_ GUARDED_BY(mutex_);
  std::string key_ GUARDED_BY(mutex_);  // being looked for; keeps its memory
};

}  // namespace

struct Metrics::State {
  prometheus::Registry registry;
  std::vector<std::unique_ptr<Column>> columns;  // by Metric; fixed after construction

  Column& column(Metric metric) {
    CHECK(static_cast<size_t>(metric) < columns.size());
    return *columns[static_cast<size_t>(metric)];
  }
};

Metrics::Metrics() : state_(std::make_unique<State>()) {
  for (const MetricRow& row : metric_table()) {
    state_->columns.push_back(std::make_unique<Column>(row, state_->registry));
  }
}

Metrics::~Metrics() = default;

void Metrics::add(Metric metric, double by, MetricLabels labels) {
  Column& column = state_->column(metric);
  CHECK(column.row().kind != MetricKind::histogram);
  const AnySeries series = column.series(labels);
  if (column.row().kind == MetricKind::gauge) {
    std::get<prometheus::Gauge*>(series)->Increment(by);
    return;
  }
  CHECK(by >= 0);
  std::get<prometheus::Counter*>(series)->Increment(by);
}

void Metrics::set(Metric metric, double value, MetricLabels labels) {
  Column& column = state_->column(metric);
  CHECK(column.row().kind == MetricKind::gauge);
  std::get<prometheus::Gauge*>(column.series(labels))->Set(value);
}

void Metrics::observe(Metric metric, double value, MetricLabels labels) {
  Column& column = state_->column(metric);
  CHECK(column.row().kind == MetricKind::histogram);
  std::get<prometheus::Histogram*>(column.series(labels))->Observe(value);
}

std::string Metrics::prometheus_text(Aliases aliases) const {
  auto families = state_->registry.Collect();
  if (aliases == Aliases::vllm) {
    auto more = vllm_families(families);
    std::move(more.begin(), more.end(), std::back_inserter(families));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace plinth::telemetry
