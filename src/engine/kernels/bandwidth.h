// SPDX-License-Identifier: Apache-2.0
// How fast this machine reads memory: the bound of every decode, which reads all weights once for
// each token.
#pragma once

#include "engine/kernels/thread_pool.h"

namespace plinth::engine::kernels {

// Bytes per second that the pool's threads read together from memory far larger than the caches, on
// huge pages: the best of several passes, since whatever disturbs one only slows it. 0 when memory
// is short. Takes about half a second.
double measure_read_bandwidth(ThreadPool& pool);

}  // namespace plinth::engine::kernels
