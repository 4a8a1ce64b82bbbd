// SPDX-License-Identifier: Apache-2.0
// The CPU set of this process, by hwloc: one device, because the engine's threads share all of its
// memory.
#pragma once

#include <string>

#include "cluster/inventory.h"

namespace plinth::cluster {

Result<Device> read_cpu(const std::string& root = "");
std::string isa_name();  // the x86-64 level and what goes beyond it

}  // namespace plinth::cluster
