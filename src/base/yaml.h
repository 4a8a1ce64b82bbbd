// SPDX-License-Identifier: Apache-2.0
// The one reader of YAML (yaml-cpp): documents become Json, so every schema is checked in one form.
// Plain scalars follow YAML 1.2's core schema; aliases are refused (they can grow without bound).
#pragma once

#include <string_view>

#include "base/json.h"

namespace plinth {

Result<Json> parse_yaml(std::string_view text);  // malformed names line and column

}  // namespace plinth
