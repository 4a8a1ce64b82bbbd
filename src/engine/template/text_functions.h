// SPDX-License-Identifier: Apache-2.0
// What templates do with text, as Python's str does it. Every byte keeps its mark.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/template/interpreter.h"
#include "engine/template/value.h"

namespace plinth::engine::templates {

enum class Side : uint8_t { left, right, both };
enum class Case : uint8_t { upper, lower, capitalized, title };

// Without characters at the sides: those of `characters`, or white space when it is nullopt.
Text strip_text(const Text& text, std::optional<std::string_view> characters, Side side);
// Letters that become several keep as they are.
Text change_case(const Text& text, Case wanted);

// Parts between separators, at most `parts_max` when that is above 0; from the right when asked.
// nullopt: cut at runs of white space, which also fall away at the sides.
Result<List> split_text(Machine& machine, const Text& text, std::optional<std::string_view> mark,
                        int64_t cuts_max, Side from);
Result<List> split_lines(Machine& machine, const Text& text, bool is_end_kept);
// count_max below 0: all.
Result<Text> replace_text(Machine& machine, const Text& text, std::string_view old_text,
                          const Text& new_text, int64_t count_max);
// Every line but the first (or it too) behind `indent`; empty lines stay empty unless is_blank.
Result<Text> indent_text(Machine& machine, const Text& text, const Text& indent, bool is_first,
                         bool is_blank);

size_t count_code_points(std::string_view text);
// In code points; -1: absent.
int64_t find_text(std::string_view text, std::string_view part, Side from);

// A value as Python's repr() writes it, in lists and mappings.
Result<Text> represent(Machine& machine, const Value& value);
// A real number as Python's repr() writes it.
std::string real_text(double value);

// As Python's time.strftime() in the C locale; UTC. nullopt for a directive that is not computed.
std::optional<std::string> format_time(int64_t unix_s, std::string_view format);

}  // namespace plinth::engine::templates
