// SPDX-License-Identifier: Apache-2.0
// Limits that more than one module must agree on. A limit of one module stands in that module.
#pragma once

#include <cstddef>
#include <cstdint>

namespace plinth::limits {

inline constexpr size_t kRequestBodyBytesMax = 8u << 20;
inline constexpr size_t kHeaderBytesMax = 32u << 10;
inline constexpr size_t kMessagesMax = 1024;
inline constexpr size_t kToolsMax = 128;
inline constexpr size_t kMemoryTextBytesMax = 64u << 10;
inline constexpr size_t kToolOutputBytesMax = 64u << 10;
inline constexpr int64_t kOutputTokensMax = 32768;

}  // namespace plinth::limits
