// SPDX-License-Identifier: Apache-2.0
// How keys and values are kept between iterations.
//
// This header is included by files compiled with -m flags: no inline functions, no standard
// templates.
#pragma once

#include <cstdint>

namespace plinth::engine {

// q8 and q4: 32 values of a head share a half precision scale, 8.5 and 4.5 bits a value. The table
// of them is in kernels/attention/kv_store.cc.
enum class KvFormat : uint8_t { f32, f16, q8, q4 };

inline constexpr int64_t kBlockTokens = 16;  // whose keys and values lie together

}  // namespace plinth::engine
