// SPDX-License-Identifier: Apache-2.0
// How many threads of arithmetic this machine can run side by side.
#pragma once

namespace plinth::engine::kernels {

// Physical cores this process may run on; at least 1.
int physical_cores();

}  // namespace plinth::engine::kernels
