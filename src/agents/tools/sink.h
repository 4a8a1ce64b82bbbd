// SPDX-License-Identifier: Apache-2.0
// Where a call would send data, and whether the person who set the goal named that place.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agents/tools/tool.h"

namespace plinth::agents {

struct Sink {
  std::string kind;  // "file" | "web"
  std::string id;    // normal path | host:port
};

std::optional<Sink> sink_of(const ToolRow& row, const Json& arguments);

// True when the goal holds the sink as a whole value: a path bounded by spaces, quotes or
// punctuation, or the host of an address. A part of a longer word, path or host name never counts.
bool is_named_in_goal(const Sink& sink, std::string_view goal);

}  // namespace plinth::agents
