// SPDX-License-Identifier: Apache-2.0
// The few NVML functions used here, declared after NVIDIA's NVML API reference (stable C ABI,
// versioned symbols).
#include "cluster/devices/gpus.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>

namespace plinth::cluster {

namespace {

using NvmlReturn = int;  // 0: success
using NvmlDevice = struct NvmlDeviceHandle*;
struct NvmlMemory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};
constexpr size_t kNameBytesMax = 96;           // NVML_DEVICE_NAME_V2_BUFFER_SIZE
constexpr size_t kDriverVersionBytesMax = 80;  // NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE

struct Nvml {
  NvmlReturn (*init)() = nullptr;
  NvmlReturn (*shutdown)() = nullptr;
  NvmlReturn (*driver_version)(char*, unsigned) = nullptr;
  NvmlReturn (*count)(unsigned*) = nullptr;
  NvmlReturn (*handle)(unsigned, NvmlDevice*) = nullptr;
  NvmlReturn (*name)(NvmlDevice, char*, unsigned) = nullptr;
  NvmlReturn (*memory)(NvmlDevice, NvmlMemory*) = nullptr;
  NvmlReturn (*capability)(NvmlDevice, int*, int*) = nullptr;
};

class Library {
 public:
  explicit Library(const std::string& path)
      : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {}
  ~Library() {
    if (handle_ != nullptr) dlclose(handle_);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  bool is_open() const { return handle_ != nullptr; }
  template <typename Function>
  bool bind(Function& function, const char* symbol) const {
    function = reinterpret_cast<Function>(dlsym(handle_, symbol));
    return function != nullptr;
  }

 private:
  void* handle_;
};

bool bind_all(const Library& library, Nvml& nvml) {
  return library.bind(nvml.init, "nvmlInit_v2") && library.bind(nvml.shutdown, "nvmlShutdown") &&
         library.bind(nvml.driver_version, "nvmlSystemGetDriverVersion") &&
         library.bind(nvml.count, "nvmlDeviceGetCount_v2") &&
         library.bind(nvml.handle, "nvmlDeviceGetHandleByIndex_v2") &&
         library.bind(nvml.name, "nvmlDeviceGetName") &&
         library.bind(nvml.memory, "nvmlDeviceGetMemoryInfo") &&
         library.bind(nvml.capability, "nvmlDeviceGetCudaComputeCapability");
}

// nullopt: the driver lists the device but cannot describe it.
std::optional<Device> read_one(const Nvml& nvml, unsigned index) {
  NvmlDevice handle = nullptr;
  NvmlMemory memory{};
  std::array<char, kNameBytesMax> name{};
  if (nvml.handle(index, &handle) != 0 || nvml.memory(handle, &memory) != 0) return std::nullopt;
  Device device;
  device.id = fmt::format("gpu{}", index);
  device.kind = DeviceKind::gpu;
  if (nvml.name(handle, name.data(), kNameBytesMax - 1) == 0) device.name = name.data();
  device.memory_bytes_total = memory.total;
  device.memory_bytes_free = memory.free;
  int major = 0;
  int minor = 0;
  if (nvml.capability(handle, &major, &minor) == 0) {
    device.isa = fmt::format("compute {}.{}", major, minor);
  }
  return device;
}

Gpus read_all(const Nvml& nvml) {
  Gpus gpus;
  std::array<char, kDriverVersionBytesMax> version{};
  const bool has_version = nvml.driver_version(version.data(), kDriverVersionBytesMax - 1) == 0;
  const std::string driver = has_version ? version.data() : "of unknown version";
  unsigned count = 0;
  if (const NvmlReturn error = nvml.count(&count); error != 0) {
    gpus.detail =
        fmt::format("NVIDIA driver {}: counting GPUs failed (NVML error {})", driver, error);
    return gpus;
  }
  for (unsigned index = 0; index < std::min(count, kGpusMax); ++index) {
    if (auto device = read_one(nvml, index)) gpus.devices.push_back(*std::move(device));
  }
  gpus.detail =
      fmt::format("NVIDIA driver {}, {} of {} GPUs readable", driver, gpus.devices.size(), count);
  return gpus;
}

}  // namespace

Gpus read_gpus(const std::string& library) {
  const Library opened(library);
  if (!opened.is_open()) return {{}, "no NVIDIA driver"};
  Nvml nvml;
  if (!bind_all(opened, nvml)) return {{}, "the NVIDIA driver is older than NVML version 2"};
  if (const NvmlReturn error = nvml.init(); error != 0) {
    return {{}, fmt::format("the NVIDIA driver does not answer (NVML error {})", error)};
  }
  Gpus gpus = read_all(nvml);
  nvml.shutdown();
  return gpus;
}

}  // namespace plinth::cluster
