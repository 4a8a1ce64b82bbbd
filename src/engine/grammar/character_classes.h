// SPDX-License-Identifier: Apache-2.0
// The named classes of characters that patterns use, as ECMAScript defines them.
#pragma once

#include <optional>
#include <string_view>

#include "engine/grammar/characters.h"

namespace plinth::engine::grammar {

CharacterSet line_end_characters();

// Of \d \D \w \W \s \S; nothing for another letter.
std::optional<CharacterSet> letter_class(char letter);

// Of a Unicode general category, by its short or long name: "Lu", "L", "Letter".
std::optional<CharacterSet> category_class(std::string_view name);

}  // namespace plinth::engine::grammar
