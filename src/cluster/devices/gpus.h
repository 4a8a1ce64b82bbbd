// SPDX-License-Identifier: Apache-2.0
// NVIDIA GPUs through the driver's management library (NVML), opened at run time: a machine without
// the driver runs the same binary.
#pragma once

#include <string>
#include <vector>

#include "cluster/inventory.h"

namespace plinth::cluster {

inline constexpr const char* kManagementLibrary = "libnvidia-ml.so.1";
inline constexpr unsigned kGpusMax = 64;

struct Gpus {
  std::vector<Device> devices;
  std::string detail;  // how many and which driver, or why there are none
};

Gpus read_gpus(const std::string& library = kManagementLibrary);

}  // namespace plinth::cluster
