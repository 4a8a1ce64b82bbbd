// SPDX-License-Identifier: Apache-2.0
// The outward form of an API key.
#pragma once

#include <string_view>

namespace plinth::guard {

inline constexpr std::string_view kKeyPrefix = "plk_";

}  // namespace plinth::guard
