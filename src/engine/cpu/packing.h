// SPDX-License-Identifier: Apache-2.0
// Matrices repacked into the panels that kernels read.
#pragma once

#include <memory>
#include <vector>

#include "engine/cpu/build_context.h"
#include "engine/cpu/host_weights.h"

namespace plinth::engine::cpu {

// The packed matrices lie in one range of memory, in their order. With build.cache_folder it is
// read from the file an earlier load wrote, or written for the next one. When memory is short the
// matrices stay as they are, and the log says so. nullptr: nothing is packed.
std::unique_ptr<const kernels::HugeMemory> pack(const std::vector<HostMatrix*>& matrices,
                                                const BuildContext& build);

// The bytes one matrix takes of it.
int64_t packed_bytes(const kernels::Format& format, int64_t rows, int64_t length);

}  // namespace plinth::engine::cpu
