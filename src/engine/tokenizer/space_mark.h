// SPDX-License-Identifier: Apache-2.0
// U+2581, which stands for a space in the vocabularies of SentencePiece and, in GGUF files, of
// WordPiece.
#pragma once

#include <string>
#include <string_view>

namespace plinth::engine {

inline constexpr std::string_view kSpaceMark = "\xe2\x96\x81";

std::string mark_spaces(std::string_view text);
std::string unmark_spaces(std::string_view text);

}  // namespace plinth::engine
