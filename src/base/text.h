// SPDX-License-Identifier: Apache-2.0
// Small text operations the standard library lacks, and UTF-8 boundaries.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace plinth {

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string lower_ascii(std::string_view text);
std::string join(const std::vector<std::string>& items, std::string_view separator);
bool is_utf8(std::string_view bytes);
// Length of the longest prefix that ends on a code point boundary (a stream holds back the rest).
size_t utf8_complete_prefix(std::string_view bytes);
// Cuts at a code point boundary to at most `bytes_max`, and says so with "…" when it cut.
std::string shorten(std::string_view text, size_t bytes_max);

}  // namespace plinth
