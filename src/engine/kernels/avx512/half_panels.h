// SPDX-License-Identifier: Apache-2.0
// Panels of F16 and BF16, multiplied with F32 activations.
#pragma once

#include "engine/kernels/panels/panels.h"

namespace plinth::engine::kernels {

// nullptr when the format has not 16 bits.
PanelMatmul avx512_half_panels(const PanelFormat& format);

}  // namespace plinth::engine::kernels
