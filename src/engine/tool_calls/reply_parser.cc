// SPDX-License-Identifier: Apache-2.0
#include "engine/tool_calls/reply_parser.h"

#include "engine/tool_calls/harmony_parser.h"
#include "engine/tool_calls/tagged_parser.h"

namespace plinth::engine {

std::unique_ptr<ReplyParser> create_reply_parser(ReplyParserOptions options) {
  if (options.syntax.has_channels()) return std::make_unique<HarmonyParser>(std::move(options));
  return std::make_unique<TaggedParser>(std::move(options));
}

bool is_reasoning_open(const ReplySyntax& syntax, std::string_view prompt_end) {
  if (!syntax.reasoning) return false;
  const size_t last = prompt_end.find_last_not_of(" \t\r\n");
  return last != std::string_view::npos &&
         prompt_end.substr(0, last + 1).ends_with(syntax.reasoning->open);
}

}  // namespace plinth::engine
