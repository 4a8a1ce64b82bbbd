// SPDX-License-Identifier: Apache-2.0
// Devices and node reports, and their JSON.
#include "cluster/inventory.h"

#include <sys/utsname.h>

#include "cluster/devices/cpus.h"
#include "cluster/devices/gpus.h"

namespace plinth::cluster {

namespace {

constexpr size_t kDevicesMax = 256;

uint64_t as_bytes(const Json& value) {
  return static_cast<uint64_t>(std::max<int64_t>(value.as_int(), 0));
}

}  // namespace

std::string_view device_kind_name(DeviceKind kind) {
  return kind == DeviceKind::gpu ? "gpu" : "cpu";
}

Json Device::to_json() const {
  Json json = Json::object({
      {"id", id},
      {"kind", device_kind_name(kind)},
      {"name", name},
      {"memory_bytes_total", memory_bytes_total},
      {"memory_bytes_free", memory_bytes_free},
      {"isa", isa},
  });
  if (kind == DeviceKind::cpu) {
    json.set("cores", cores);
    json.set("threads", threads);
    json.set("packages", packages);
    json.set("numa_nodes", numa_nodes);
    json.set("cache_bytes", cache_bytes);
    if (cpu_quota > 0) json.set("cpu_quota", cpu_quota);
  }
  return json;
}

Result<Device> Device::from_json(const Json& json) {
  Device device;
  device.id = TRY(json_field::required_string(json, "id"));
  const std::string kind = TRY(json_field::required_string(json, "kind"));
  if (kind != "cpu" && kind != "gpu") {
    return make_error(ErrorCode::malformed, "kind: expected cpu or gpu, got '" + kind + "'",
                      "kind");
  }
  device.kind = kind == "gpu" ? DeviceKind::gpu : DeviceKind::cpu;
  device.name = json["name"].as_string();
  device.memory_bytes_total = as_bytes(json["memory_bytes_total"]);
  device.memory_bytes_free = as_bytes(json["memory_bytes_free"]);
  device.isa = json["isa"].as_string();
  device.cores = static_cast<int>(json["cores"].as_int());
  device.threads = static_cast<int>(json["threads"].as_int());
  device.packages = static_cast<int>(json["packages"].as_int());
  device.numa_nodes = static_cast<int>(json["numa_nodes"].as_int());
  device.cache_bytes = as_bytes(json["cache_bytes"]);
  device.cpu_quota = json["cpu_quota"].as_double();
  return device;
}

Result<std::vector<Device>> read_inventory() {
  std::vector<Device> devices;
  devices.push_back(TRY(read_cpu()));
  Gpus gpus = read_gpus();
  for (Device& gpu : gpus.devices) devices.push_back(std::move(gpu));
  return devices;
}

std::string read_gpu_detail() { return read_gpus().detail; }

std::vector<decisions::PlaceDevice> place_devices(const std::vector<Device>& devices) {
  std::vector<decisions::PlaceDevice> places;
  for (const Device& device : devices) {
    places.push_back({device.id, device.kind, device.memory_bytes_total, device.memory_bytes_free});
  }
  return places;
}

Json NodeReport::to_json() const {
  Json list = Json::array();
  for (const Device& device : devices) list.push(device.to_json());
  return Json::object({
      {"format", kFormatVersion},
      {"id", id},
      {"version", version},
      {"os", os},
      {"devices", std::move(list)},
      {"gpus", gpu_detail},
      {"sandbox", sandbox},
      {"models", models},
      {"written_unix_ms", written_unix_ms},
      {"is_alive", is_alive},
  });
}

Result<NodeReport> NodeReport::from_json(const Json& json) {
  if (json["format"].as_int() != kFormatVersion) {
    return make_error(ErrorCode::unsupported,
                      "format: this node reads node reports of format 1, got " +
                          std::to_string(json["format"].as_int()),
                      "format");
  }
  NodeReport report;
  report.id = TRY(json_field::required_string(json, "id"));
  report.version = json["version"].as_string();
  report.os = json["os"].as_string();
  if (json["devices"].size() > kDevicesMax) {
    return make_error(ErrorCode::too_large, "devices: more than a node can have", "devices");
  }
  for (const Json& device : json["devices"].items()) {
    report.devices.push_back(TRY(Device::from_json(device)));
  }
  report.gpu_detail = json["gpus"].as_string();
  report.sandbox = json["sandbox"];
  report.models = json["models"];
  report.written_unix_ms = json["written_unix_ms"].as_int();
  return report;
}

std::string os_name() {
  utsname name{};
  if (uname(&name) != 0) return "unknown";
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

}  // namespace plinth::cluster
