// SPDX-License-Identifier: Apache-2.0
// Exactly-once file writes. Inside the workspace, out of reach of tools:
//   .plinth/effects             one JSON line per finished write:
//                               {"key","state":"done","tool","path","sha256","bytes"}
//   .plinth/intents/H.content   the new bytes, complete and on disk
//   .plinth/intents/H.json      the intent of the write; H = SHA-256 of the key, shortened
// Order: content, intent, rename of content onto the target, line in effects, removal of the
// intent. A repeat with the same key reads where the first try stopped: a line means done; an
// intent without content means the rename has happened; an intent with content means it has not;
// neither means nothing was done.
#pragma once

#include <string>
#include <string_view>

#include "agents/tools/workspace.h"
#include "base/result.h"

namespace plinth::agents {

inline constexpr size_t kLedgerBytesMax = 8u
                                          << 20;  // then it becomes effects.1 and a new one begins
inline constexpr std::string_view kLedgerFile = "effects";

// Writes `content` to `path` unless the effect `key` is already done; the answer is the same either
// way. Errors: invalid_argument (path), conflict (the key was used for another write), too_large,
// io_failed.
Result<std::string> write_once(const Workspace& workspace, const std::string& key,
                               std::string_view path, std::string_view content);

}  // namespace plinth::agents
