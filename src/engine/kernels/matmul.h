// SPDX-License-Identifier: Apache-2.0
// Products with weights of any format in the table.
#pragma once

#include "engine/kernels/formats/formats.h"
#include "engine/kernels/kernels.h"

namespace plinth::engine::kernels {

// As KernelTable's products; weights are rows of `format`. Where the table has no kernel for the
// format, a few rows at a time are widened to F32 and multiplied with all columns by matmul_f32, so
// that the result is the exact one and keeps the invariant of kernels.h.
void matmul(const KernelTable& kernels, const Format& format, const MatmulArguments& arguments);

}  // namespace plinth::engine::kernels
