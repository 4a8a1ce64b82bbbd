// SPDX-License-Identifier: Apache-2.0
// Where conformance tests find reference data: PLINTH_SHARED, else a folder beside the source tree.
// Tests that need it are skipped where it is absent.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace plinth::engine::testing {

std::string shared_path(const std::string& relative);
bool is_readable(const std::string& path);
Result<std::string> read_text_file(const std::string& path);
Result<Json> read_json_file(const std::string& path);

}  // namespace plinth::engine::testing
