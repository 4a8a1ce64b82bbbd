// SPDX-License-Identifier: Apache-2.0
// Best fit on one device, then a split of layers over GPUs with the rest on a CPU.
#include "decisions/place.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "base/units.h"

namespace plinth::decisions {

namespace {

std::string needs(const PlaceQuery& query) {
  return fmt::format("needs {} (weights {} + KV {})",
                     format_bytes(query.weight_bytes + query.kv_bytes),
                     format_bytes(query.weight_bytes), format_bytes(query.kv_bytes));
}

const PlaceDevice* best_fit(const std::vector<PlaceDevice>& devices, DeviceKind kind,
                            uint64_t bytes) {
  const PlaceDevice* best = nullptr;
  for (const PlaceDevice& device : devices) {
    if (device.kind != kind || device.memory_bytes_free < bytes) continue;
    if (best == nullptr || std::tie(device.memory_bytes_free, device.id) <
                               std::tie(best->memory_bytes_free, best->id)) {
      best = &device;
    }
  }
  return best;
}

// The share of `layers` of the whole, rounded up, without overflow for any 64-bit total.
uint64_t share(uint64_t total, int64_t layers, int64_t layers_total) {
  const auto part = static_cast<uint64_t>(layers);
  const auto whole = static_cast<uint64_t>(layers_total);
  const uint64_t each = total / whole;
  const uint64_t rest = total % whole;
  return each * part + (rest * part + whole - 1) / whole;
}

std::optional<PlaceDecision> split(const PlaceQuery& query,
                                   const std::vector<PlaceDevice>& devices) {
  if (query.layers <= 0 || query.gpu_layers_max <= 0) return std::nullopt;
  const uint64_t total = query.weight_bytes + query.kv_bytes;
  std::vector<PlaceDevice> gpus;
  for (const PlaceDevice& device : devices) {
    if (device.kind == DeviceKind::gpu) gpus.push_back(device);
  }
  std::sort(gpus.begin(), gpus.end(), [](const PlaceDevice& a, const PlaceDevice& b) {
    return std::tie(b.memory_bytes_free, a.id) < std::tie(a.memory_bytes_free, b.id);
  });
  const uint64_t layer_bytes = std::max<uint64_t>(1, share(total, 1, query.layers));
  int64_t on_gpus_left = std::min(query.gpu_layers_max, query.layers);
  int64_t layers_left = query.layers;
  PlaceDecision decision;
  for (const PlaceDevice& gpu : gpus) {
    const auto room = static_cast<int64_t>(
        std::min<uint64_t>(gpu.memory_bytes_free / layer_bytes, uint64_t{1} << 30));
    const int64_t layers = std::min(room, on_gpus_left);
    if (layers == 0) continue;
    decision.parts.push_back({gpu.id, layers, layer_bytes * static_cast<uint64_t>(layers)});
    on_gpus_left -= layers;
    layers_left -= layers;
  }
  if (decision.parts.empty()) return std::nullopt;
  if (layers_left > 0) {
    const uint64_t rest = share(total, layers_left, query.layers);
    const PlaceDevice* cpu = best_fit(devices, DeviceKind::cpu, rest);
    if (cpu == nullptr) return std::nullopt;
    decision.parts.push_back({cpu->id, layers_left, rest});
  }
  decision.is_placed = true;
  std::string where;
  for (const PlacePart& part : decision.parts) {
    if (!where.empty()) where += ", ";
    where += fmt::format("{} layers on {}", part.layers, part.device);
  }
  decision.reason = fmt::format("{}; no device takes it whole: {}", needs(query), where);
  return decision;
}

PlaceDecision whole_on(const PlaceQuery& query, const PlaceDevice& device) {
  PlaceDecision decision;
  decision.is_placed = true;
  decision.parts.push_back({device.id, query.layers, query.weight_bytes + query.kv_bytes});
  decision.reason = fmt::format("{}; {} has {} free", needs(query), device.id,
                                format_bytes(device.memory_bytes_free));
  return decision;
}

}  // namespace

PlaceDecision place(const PlaceQuery& query, const std::vector<PlaceDevice>& devices) {
  PlaceDecision refusal;
  if (query.weight_bytes > UINT64_MAX - query.kv_bytes) {
    refusal.reason =
        std::string("needs more bytes than 64 bits count: the model file's sizes are wrong");
    return refusal;
  }
  const uint64_t total = query.weight_bytes + query.kv_bytes;
  if (query.gpu_layers_max > 0 && query.gpu_layers_max >= query.layers) {
    if (const auto* gpu = best_fit(devices, DeviceKind::gpu, total)) return whole_on(query, *gpu);
  }
  if (auto decision = split(query, devices)) return *std::move(decision);
  if (const auto* cpu = best_fit(devices, DeviceKind::cpu, total)) return whole_on(query, *cpu);

  refusal.reason = needs(query);
  for (const PlaceDevice& device : devices) {
    const bool is_unused = device.kind == DeviceKind::gpu && query.gpu_layers_max == 0;
    refusal.reason +=
        fmt::format("; {} has {} free{}", device.id, format_bytes(device.memory_bytes_free),
                    is_unused ? " (this engine computes on CPUs)" : "");
  }
  if (devices.empty()) refusal.reason += "; this node offers no device";
  return refusal;
}

}  // namespace plinth::decisions
