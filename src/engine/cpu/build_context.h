// SPDX-License-Identifier: Apache-2.0
// What the parts of a model are built with on this backend.
#pragma once

#include "engine/backend/backend.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/thread_pool.h"

namespace plinth::engine::cpu {

// Kernels and threads outlive what is built.
struct BuildContext : BuildOptions {
  const kernels::KernelTable& kernels;
  kernels::ThreadPool& pool;
};

}  // namespace plinth::engine::cpu
