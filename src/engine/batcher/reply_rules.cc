// SPDX-License-Identifier: Apache-2.0
// The batcher's part in how a model writes tool calls and reasoning: what holds a reply, and what
// its tokens say.
#include <algorithm>

#include "base/text.h"
#include "engine/batcher/batcher.h"
#include "engine/option_error.h"
#include "engine/tool_calls/reply_grammar.h"

namespace plinth::engine {
namespace {

constexpr size_t kFunctionNameBytesMax = 64;

}  // namespace

Status Batcher::check_tools(const ToolUse& tools) const {
  if (tools.functions.empty()) return option_error("tools", "at least one is needed");
  if (tools.calls_max < 1 || tools.calls_max > ToolUse::kCallsMax) {
    return option_error("tools", std::to_string(tools.calls_max) + " calls are outside 1.." +
                                     std::to_string(ToolUse::kCallsMax));
  }
  for (const ToolFunction& function : tools.functions) {
    const std::string& name = function.name;
    const bool is_name = std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '-' || c == '.';
    });
    if (is_name && !name.empty() && name.size() <= kFunctionNameBytesMax) continue;
    return option_error(
        "tools", "'" + shorten(name, kFunctionNameBytesMax) + "' is not a name of 1 to " +
                     std::to_string(kFunctionNameBytesMax) + " characters of a-z A-Z 0-9 _ - .");
  }
  return ok();
}

bool Batcher::is_reasoning_open(const GenerateRequest& request) const {
  constexpr size_t kTagTokensMax = 16;  // of a tag that is spelled, with white space behind it
  if (!request.is_chat || !options_.syntax->reasoning) return false;
  const size_t count = std::min(request.prompt.size(), kTagTokensMax);
  std::string end;
  for (auto token = request.prompt.end() - static_cast<ptrdiff_t>(count);
       token != request.prompt.end(); ++token) {
    end += tokenizer_.text(*token);
  }
  return engine::is_reasoning_open(*options_.syntax, end);
}

Result<std::optional<grammar::Constraint>> Batcher::constrain(const GenerateRequest& request,
                                                              bool is_reasoning_open) {
  ReplyRule rule{*options_.syntax, request.is_chat, is_reasoning_open};
  rule.tools = request.tools ? &*request.tools : nullptr;
  rule.format = request.grammar ? &*request.grammar : nullptr;
  std::optional<grammar::Constraint> constraint;
  if (is_reply_grammar_due(rule)) {
    constraint.emplace(TRY(grammars_.find_or_compile(reply_grammar_key(rule),
                                                     [&] { return write_reply_grammar(rule); })));
  } else if (request.grammar) {
    constraint.emplace(TRY(grammars_.find_or_compile(*request.grammar)));
  }
  return constraint;
}

// What a token adds to a reply. Special tokens that the model's format is made of show their names
// to who reads it.
std::string Batcher::text_of(const Sequence& sequence, Token token) const {
  if (!tokenizer_.vocabulary().contains(token)) return {};
  std::string piece = tokenizer_.piece(token);
  if (!piece.empty() || !sequence.reply.is_parsed()) return piece;
  return std::string(options_.syntax->marker_text(token));
}

}  // namespace plinth::engine
