// SPDX-License-Identifier: Apache-2.0
// Where a call would send data, and whether the person who set the goal asked for that.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agents/tools/tool.h"
#include "guard/label.h"

namespace plinth::agents {

struct Sink {
  std::string kind;  // "file" | "web"
  std::string id;    // normal path | host:port
};

std::optional<Sink> sink_of(const ToolRow& row, const Json& arguments);

// True when the goal holds the sink as a whole value: a path bounded by spaces, quotes or
// punctuation, or the host of an address. A part of a longer word, path or host name never counts.
bool is_named_in_goal(const Sink& sink, std::string_view goal);

// How labels call a file: its path in normal form, cut to 512 bytes.
std::string source_id_of_file(std::string_view path);

// True when the person who set the goal asked for data to go there. Naming a file so that it is
// read does not: once what a file says has influenced the call, its name in the goal endorses no
// write to it, for the words that would be written may be its own.
bool is_endorsed(const Sink& sink, std::string_view goal, const guard::Label& label);

}  // namespace plinth::agents
