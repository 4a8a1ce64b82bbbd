// SPDX-License-Identifier: Apache-2.0
// Topology is read once (it does not change while a process runs); memory every time.
#include "cluster/devices/cpus.h"

#include <hwloc.h>

#include <memory>

#include "cluster/devices/machine_memory.h"

namespace plinth::cluster {

namespace {

struct TopologyRelease {
  void operator()(hwloc_topology* topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<hwloc_topology, TopologyRelease>;

Result<Topology> load_topology() {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) {
    return make_error(ErrorCode::io_failed, "hwloc: the topology cannot be made");
  }
  Topology topology(raw);
  if (hwloc_topology_load(raw) != 0) {
    return make_error(ErrorCode::io_failed, "hwloc: the machine's topology cannot be read");
  }
  return topology;
}

int count(hwloc_topology_t topology, hwloc_obj_type_t type) {
  return std::max(0, hwloc_get_nbobjs_by_type(topology, type));
}

uint64_t cache_bytes(hwloc_topology_t topology) {
  for (const hwloc_obj_type_t type : {HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L1CACHE}) {
    const hwloc_obj_t cache = hwloc_get_obj_by_type(topology, type, 0);
    if (cache != nullptr) return cache->attr->cache.size;
  }
  return 0;
}

std::string cpu_name(hwloc_topology_t topology) {
  for (const hwloc_obj_type_t type : {HWLOC_OBJ_PACKAGE, HWLOC_OBJ_MACHINE}) {
    const hwloc_obj_t object = hwloc_get_obj_by_type(topology, type, 0);
    const char* name = object == nullptr ? nullptr : hwloc_obj_get_info_by_name(object, "CPUModel");
    if (name != nullptr) return name;
  }
  return "unknown CPU";
}

Result<Device> read_topology() {
  const Topology topology = TRY(load_topology());
  Device device;
  device.id = "cpu0";
  device.kind = DeviceKind::cpu;
  device.name = cpu_name(topology.get());
  device.packages = count(topology.get(), HWLOC_OBJ_PACKAGE);
  device.numa_nodes = count(topology.get(), HWLOC_OBJ_NUMANODE);
  device.cores = count(topology.get(), HWLOC_OBJ_CORE);
  device.threads = count(topology.get(), HWLOC_OBJ_PU);
  device.cache_bytes = cache_bytes(topology.get());
  device.isa = isa_name();
  return device;
}

}  // namespace

std::string isa_name() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  // The x86-64 psABI's micro-architecture levels, told by the feature that came last in each.
  const bool is_v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
  const bool is_v3 = is_v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                     __builtin_cpu_supports("bmi2");
  const bool is_v4 = is_v3 && __builtin_cpu_supports("avx512f") &&
                     __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
                     __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  std::string name = is_v4 ? "x86-64-v4" : is_v3 ? "x86-64-v3" : is_v2 ? "x86-64-v2" : "x86-64";
  if (is_v4) name += " avx512";
  if (__builtin_cpu_supports("avx512vnni")) name += " avx512-vnni";
  if (__builtin_cpu_supports("avx512bf16")) name += " avx512-bf16";
  return name;
#else
  return "unknown";
#endif
}

Result<Device> read_cpu(const std::string& root) {
  static const Result<Device> topology = read_topology();
  Device device = TRY(Result<Device>(topology));
  const MachineMemory memory = TRY(read_memory(root));
  device.memory_bytes_total = memory.bytes_total;
  device.memory_bytes_free = memory.bytes_free;
  device.cpu_quota = read_cpu_quota(root).value_or(0);
  return device;
}

}  // namespace plinth::cluster
