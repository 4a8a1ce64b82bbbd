// SPDX-License-Identifier: Apache-2.0
// Reads one expression, up to the first token that does not belong to it.
#pragma once

#include "guard/policy/ast.h"
#include "guard/policy/token_reader.h"

namespace plinth::guard {

Result<ExpressionPtr> parse_expression(TokenReader& tokens);

}  // namespace plinth::guard
