// SPDX-License-Identifier: Apache-2.0
// Chooses the kernel table.
#include "engine/kernels/kernels.h"

namespace plinth::engine::kernels {

KernelTables available_kernels() {
  KernelTables found{{&kScalarKernels, nullptr, nullptr}, 1};
#if defined(__x86_64__)
  // These checks include the operating system's support for the wider registers.
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                        __builtin_cpu_supports("f16c");
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (has_avx2) found.tables[found.count++] = &kAvx2Kernels;
  if (has_avx2 && has_avx512) found.tables[found.count++] = &kAvx512Kernels;
#endif
  return found;
}

const KernelTable& best_kernels() {
  static const KernelTables found = available_kernels();
  return *found.tables[found.count - 1];
}

}  // namespace plinth::engine::kernels
