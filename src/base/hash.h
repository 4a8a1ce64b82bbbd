// SPDX-License-Identifier: Apache-2.0
// Digests and text encodings (libsodium): SHA-256, BLAKE2b, hex, base64, constant-time comparison.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace plinth {

using Digest = std::array<uint8_t, 32>;

Digest sha256(std::string_view bytes);
Digest blake2b(std::string_view bytes);  // 32-byte output
std::string hex(std::span<const uint8_t> bytes);
Result<std::string> unhex(std::string_view text);
std::string base64(std::string_view bytes);  // standard alphabet, padded
Result<std::string> unbase64(std::string_view text);
std::string base64url(std::string_view bytes);  // no padding
bool equal_constant_time(std::string_view a, std::string_view b);
uint64_t hash64(std::string_view bytes,
                uint64_t seed = 0);  // stable across builds and machines; not for secrets

}  // namespace plinth
