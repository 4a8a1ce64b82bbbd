// SPDX-License-Identifier: Apache-2.0
// Policy text -> syntax tree. Recursive descent with a limit on nesting, so foreign text cannot use
// up the stack.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/policy/ast.h"

namespace plinth::guard {

inline constexpr size_t kNestingMax = 80;  // brackets, ifs and unary signs inside each other
inline constexpr size_t kExpressionDepthMax = 200;  // height of a syntax tree
inline constexpr size_t kUnaryMax = 4;              // signs in a row, as in Cedar

// malformed names line and column and what was expected.
Result<std::vector<Policy>> parse_policies(std::string_view text);

}  // namespace plinth::guard
