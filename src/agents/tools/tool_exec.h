// SPDX-License-Identifier: Apache-2.0
// What runs inside the sandbox: one file or compute tool, its input and its answer as one JSON text
// each.
//   input   {"key":"run/step","arguments":{…}}
//   answer  {"ok":true,"text":"…"}  or  {"ok":false,"error":"…"}
#pragma once

#include <string>
#include <string_view>

namespace plinth::agents {

inline constexpr size_t kToolInputBytesMax = 1u << 20;

// Runs `tool` on the workspace at `folder`. Never fails: a fault becomes an answer with ok false.
std::string run_confined_tool(const std::string& tool, const std::string& folder,
                              std::string_view input);

}  // namespace plinth::agents
