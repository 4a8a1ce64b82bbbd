// SPDX-License-Identifier: Apache-2.0
// Sizes and spans as people write them: "512MiB", "2GB", "1500ms", "30s".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace plinth {

Result<uint64_t> parse_bytes(std::string_view text);
Result<Duration> parse_duration(std::string_view text);
std::string format_bytes(uint64_t bytes);    // "1.5 GiB"
std::string format_duration(Duration span);  // "350 ms", "2.1 s"
int64_t to_ms(Duration span);

}  // namespace plinth
