// SPDX-License-Identifier: Apache-2.0
// What this node has to compute with: its CPU set and its GPUs, with their memory, as the process
// may use them (affinity, cgroup limits), and the report a node gives of itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "decisions/place.h"

namespace plinth::cluster {

using decisions::DeviceKind;
std::string_view device_kind_name(DeviceKind kind);

struct Device {
  std::string id;  // "cpu0", "gpu0"
  DeviceKind kind = DeviceKind::cpu;
  std::string name;  // as the maker calls it
  uint64_t memory_bytes_total = 0;
  uint64_t memory_bytes_free = 0;
  int cores = 0;         // cpu: physical cores this process may use
  int threads = 0;       // cpu: hardware threads it may use
  double cpu_quota = 0;  // cpu: cores' worth of time a cgroup grants; 0: no quota
  std::string isa;       // cpu: "x86-64-v3", "x86-64-v4 avx512-vnni"; gpu: "compute 9.0"
  int packages = 0;
  int numa_nodes = 0;
  uint64_t cache_bytes = 0;  // cpu: largest cache of one core's path (L3, else L2)

  Json to_json() const;
  static Result<Device> from_json(const Json& json);
};

// Reads the machine anew. Blocks for some milliseconds (the first call longer). io_failed when the
// machine cannot be read at all; a machine without GPUs is no error. The CPU set comes first.
Result<std::vector<Device>> read_inventory();
// "NVIDIA driver 550.54, 1 of 1 GPUs readable", or why there are none: "no NVIDIA driver".
std::string read_gpu_detail();

// The devices as placement sees them.
std::vector<decisions::PlaceDevice> place_devices(const std::vector<Device>& devices);

// What one node says of itself. Sandbox and models are the JSON their owners made.
struct NodeReport {
  static constexpr int kFormatVersion = 1;

  std::string id;  // of the node: its store's origin
  std::string version;
  std::string os;  // empty: filled in by Reports::publish
  std::vector<Device> devices;
  std::string gpu_detail;  // empty: filled in by Reports::publish
  Json sandbox = Json::object();
  Json models = Json::array();
  int64_t written_unix_ms = 0;  // set by Reports::publish
  bool is_alive = true;         // judged by the reader, not written

  Json to_json() const;
  static Result<NodeReport> from_json(const Json& json);
};

std::string os_name();  // "Linux 6.1.0 x86_64"

}  // namespace plinth::cluster
