// SPDX-License-Identifier: Apache-2.0
// What a reply is made of once it is read.
#pragma once

#include <cstdint>
#include <string>

namespace plinth::engine {

struct ReplyPart {
  enum class Kind : uint8_t { text, reasoning, tool_call };
  Kind kind = Kind::text;
  std::string text;       // text, reasoning
  std::string name;       // tool call
  std::string arguments;  // tool call: the JSON text of an object, as written where it was JSON
};

}  // namespace plinth::engine
