// SPDX-License-Identifier: Apache-2.0
#include "engine/kernels/panels/panels.h"

namespace plinth::engine::kernels {

const PanelKernels& panels_for(const KernelTable& kernels) {
#if defined(__x86_64__)
  // AVX-512 without its dot-product instructions is served by AVX2.
  const bool has_vnni = __builtin_cpu_supports("avx512vnni");
  if (&kernels == &kAvx512Kernels) return has_vnni ? kAvx512Panels : kAvx2Panels;
  if (&kernels == &kAvx2Kernels) return kAvx2Panels;
#endif
  (void)kernels;
  return kScalarPanels;
}

}  // namespace plinth::engine::kernels
