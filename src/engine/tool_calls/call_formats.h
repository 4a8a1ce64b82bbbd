// SPDX-License-Identifier: Apache-2.0
// How families of models write tool calls and reasoning: two tables, one row a family. A model's
// row is found when it is loaded, by its chat template and its vocabulary.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/tokenizer/vocabulary.h"
#include "engine/tool_calls/reply_part.h"

namespace plinth::engine {

inline constexpr size_t kCallBytesMax = 256u << 10;  // a longer block of calls is text
inline constexpr size_t kToolNameBytesMax = 256;     // of a call that is read

// The calls of a block, which stands between the opening and the closing tag; nullopt: it holds
// anything else. `functions` tell the types of arguments that are not written as JSON.
using ReadCalls = std::optional<std::vector<ReplyPart>> (*)(
    std::string_view block, const std::vector<ToolFunction>& functions);

// Whether the vocabulary has a special token of that text.
using HasToken = std::function<bool(std::string_view text)>;

enum class CallReading : uint8_t {
  until_tag,         // a block ends with the closing tag, outside of JSON strings
  until_parameters,  // the same, outside of <parameter=…>…</parameter>
  until_json_ends,   // a block ends with its JSON; a closing tag may follow
  leading_json,      // the same, but only at the very start of the reply
  channels,          // messages with channels: see harmony_parser.h
};

struct CallFormat {
  std::string_view name;
  bool (*is_used)(std::string_view chat_template, const HasToken& has_token);
  CallReading reading;
  std::string_view open;
  std::string_view close;
  ReadCalls read;
  // A block as a grammar writes it: open begin call (between call)* end. In `call` NAME and
  // ARGUMENTS are replaced; in all of them ␣ may be a space or nothing, ⏎ a line break or nothing.
  std::string_view begin;
  std::string_view call;
  std::string_view between;  // empty with `is_single`: there is one call
  std::string_view end;
  bool is_single = false;
  std::span<const std::string_view> tags;  // that may be special tokens
};

struct ReasoningFormat {
  std::string_view name;
  std::string_view open;
  std::string_view close;
};

// A special token that a reply's format is made of. Its own text is nothing, or may be spelled by
// other tokens: a grammar writes it as bytes that no text has.
struct Marker {
  std::string text;
  Token token = 0;
  uint8_t index = 0;  // among the model's
  std::string grammar_bytes() const { return {'\xff', static_cast<char>(index)}; }
};

// How one model writes.
struct ReplySyntax {
  const CallFormat* calls = nullptr;           // never null once found
  const ReasoningFormat* reasoning = nullptr;  // null: none, or the calls' channels
  std::vector<Marker> markers;
  bool has_channels() const { return calls->reading == CallReading::channels; }
  // The text of a token that is a marker; empty for all others.
  std::string_view marker_text(Token token) const;
};

std::span<const CallFormat> call_formats();
std::span<const ReasoningFormat> reasoning_formats();

// A template of none of the families, and none at all, gives the last row, Hermes'.
const CallFormat& find_call_format(std::string_view chat_template, const HasToken& has_token);
// nullptr: none, or the calls' format has channels.
const ReasoningFormat* find_reasoning_format(std::string_view chat_template,
                                             const CallFormat& calls);
ReplySyntax find_reply_syntax(std::string_view chat_template, const Vocabulary& vocabulary);

}  // namespace plinth::engine
