// SPDX-License-Identifier: Apache-2.0
// Two schemas as one that is valid where both are.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace plinth::engine::grammar {

// Neither holds $ref or allOf. Errors name the keyword whose two values cannot be joined.
Result<Json> merge_schemas(const Json& a, const Json& b, const std::string& path);

}  // namespace plinth::engine::grammar
