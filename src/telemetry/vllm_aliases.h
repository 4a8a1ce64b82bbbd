// SPDX-License-Identifier: Apache-2.0
// Metrics of chats once more under vLLM's names, for dashboards and autoscalers made for it.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace plinth::telemetry {

// Of what a registry has collected under our own names.
std::vector<prometheus::MetricFamily> vllm_families(
    const std::vector<prometheus::MetricFamily>& collected);

}  // namespace plinth::telemetry
