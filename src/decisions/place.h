// SPDX-License-Identifier: Apache-2.0
// Placement: on which devices a model goes, or why it fits nowhere. A pure function.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace plinth::decisions {

enum class DeviceKind : uint8_t { cpu, gpu };

struct PlaceDevice {
  std::string id;  // "cpu0", "gpu1"
  DeviceKind kind = DeviceKind::cpu;
  uint64_t memory_bytes_total = 0;
  uint64_t memory_bytes_free = 0;
};

struct PlaceQuery {
  std::string model;
  uint64_t weight_bytes = 0;
  uint64_t kv_bytes = 0;
  int64_t layers = 0;
  int64_t gpu_layers_max = 0;  // layers the engine can compute on GPUs; 0: CPU only
};

// Part of a model on one device: its layers' share of weights and KV.
struct PlacePart {
  std::string device;
  int64_t layers = 0;
  uint64_t bytes = 0;
};

struct PlaceDecision {
  bool is_placed = false;
  std::vector<PlacePart> parts;  // GPUs first; empty when not placed
  std::string reason;            // where and why, or what is missing
};

// Best fit: the device with the least room left that takes the whole model, GPUs before CPUs; else
// as many layers as fit on GPUs, roomiest first, and the rest on one CPU device. Equal: the smaller
// id.
PlaceDecision place(const PlaceQuery& query, const std::vector<PlaceDevice>& devices);

}  // namespace plinth::decisions
