// SPDX-License-Identifier: Apache-2.0
// JSON Schema's `format`: a pattern for each that is taken. Every text the pattern matches is of
// the format; not every text of the format need match (docs/structured_output.md says which do).
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace plinth::engine::grammar {

struct Format {
  std::string_view name;
  std::string (*pattern)();
};

std::span<const Format> format_table();

}  // namespace plinth::engine::grammar
