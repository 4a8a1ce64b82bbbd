// SPDX-License-Identifier: Apache-2.0
// What people see: aligned tables and indented JSON on standard output.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "cli/command.h"

namespace plinth::cli {

// What others wrote, safe to print: control characters that could drive a terminal (all but line
// breaks and tabs) are shown as \x1b and the like.
std::string printable(std::string_view text);

// Columns as wide as their widest cell; cells are cut at cell_bytes_max. An empty table says so.
void print_table(const std::vector<std::string>& heads,
                 const std::vector<std::vector<std::string>>& rows, size_t cell_bytes_max = 72);

// Under --json the value as it is; otherwise what `print` makes of it.
void show(Context& context, const Result<Json>& value, void (*print)(const Json&));

void print_json(const Json& value);  // indented

// An object of plain fields, one a line: "removed  assistant".
void print_fields(const Json& value);

// "-" reads standard input. Errors: invalid_argument (a file that cannot be read), too_large.
Result<std::string> read_text(const std::string& path);

}  // namespace plinth::cli
