// SPDX-License-Identifier: Apache-2.0
// Free text as a grammar, up to a tag.
#pragma once

#include <string_view>

#include "engine/grammar/grammar.h"

namespace plinth::engine {

// Any text, the empty one included, in which `tag` does not stand. The tag has two characters or
// more, and its first one only once.
grammar::ExpressionId add_text_without(grammar::Grammar& grammar, std::string_view tag);
// The same, and then the tag.
grammar::ExpressionId add_text_through(grammar::Grammar& grammar, std::string_view tag);
grammar::ExpressionId add_any_text(grammar::Grammar& grammar);

}  // namespace plinth::engine
