// SPDX-License-Identifier: Apache-2.0
// Arguments that are not one JSON text: <parameter=NAME>VALUE</parameter> for each.
#pragma once

#include "base/result.h"
#include "engine/engine.h"
#include "engine/grammar/grammar.h"
#include "engine/grammar/json_rules.h"

namespace plinth::engine {

// In the order of the schema's properties. Texts stand for themselves, up to the closing tag; other
// values are JSON. Errors: invalid_argument: what the schema asks for and cannot be kept.
Result<grammar::ExpressionId> add_parameters(grammar::Grammar& grammar, grammar::JsonRules& json,
                                             const Json& schema);
// Any names and any values.
grammar::ExpressionId add_any_parameters(grammar::Grammar& grammar);

}  // namespace plinth::engine
