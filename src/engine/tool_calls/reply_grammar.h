// SPDX-License-Identifier: Apache-2.0
// What a reply must look like, as a grammar in the model's own format: calls of the tools offered
// and nothing else, or text and calls whose arguments are valid, behind reasoning where there is
// any.
#pragma once

#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/grammar/grammar.h"
#include "engine/tool_calls/call_formats.h"

namespace plinth::engine {

inline constexpr int kHeldCallsMax = 8;  // of one reply that is held to a grammar

struct ReplyRule {
  const ReplySyntax& syntax;
  bool is_chat = false;
  bool is_reasoning_open = false;
  const ToolUse* tools = nullptr;       // nullptr: none
  const GrammarText* format = nullptr;  // of the text; nullptr: free
};

// Whether the rule says more than the format alone does.
bool is_reply_grammar_due(const ReplyRule& rule);
// Equal rules of one model have one key.
std::string reply_grammar_key(const ReplyRule& rule);
// Errors: invalid_argument with `param` tools names the function and what its schema asks for, with
// `param` grammar the format's fault.
Result<grammar::Grammar> write_reply_grammar(const ReplyRule& rule);

}  // namespace plinth::engine
