// SPDX-License-Identifier: Apache-2.0
// Parses a chat template: the part of Jinja that chat templates use. Statements: for (with if and
// else), break, continue, if/elif/else, set (also of a block), macro, filter, with, generation.
// Expressions: see syntax.h; names of filters, tests, methods and
// functions are checked when they run.
#pragma once

#include <string_view>

#include "base/result.h"
#include "engine/template/syntax.h"

namespace plinth::engine::templates {

inline constexpr int kNestingMax = 64;     // of expressions and of blocks in the source
inline constexpr int kTreeDepthMax = 192;  // of an expression: each + in a + b + c adds a level

// Errors: malformed and too_large, with the line.
Result<Block> parse_template(std::string_view source);

}  // namespace plinth::engine::templates
