// SPDX-License-Identifier: Apache-2.0
// Reference pages in Markdown, made from the tables of routes, commands, configuration keys, errors
// and metrics.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace plinth::cli {

// "routes" "commands" "configuration" "schema" "errors" "metrics"; not_found names them.
Result<std::string> reference_page(std::string_view name);

}  // namespace plinth::cli
