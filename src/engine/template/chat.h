// SPDX-License-Identifier: Apache-2.0
// A model's chat template: made once from its source, rendered for each request.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "engine/template/syntax.h"
#include "engine/template/value.h"

namespace plinth::engine::templates {

struct ChatOptions {
  bool is_generation_prompt_added = true;
  int64_t unix_s = 0;  // what strftime_now() shows
  Json variables;      // more of them, by name, such as enable_thinking; null: none
};

class ChatTemplate {
 public:
  // Errors: malformed names the line.
  static Result<ChatTemplate> create(std::string source, std::string begin_text,
                                     std::string end_text);

  const std::string& source() const { return source_; }

  // Over {messages, tools, add_generation_prompt, bos_token, eos_token} and the options' variables;
  // `tools` is none when empty, `documents` always. All text of messages and tools is marked
  // foreign. A message's `reasoning_content` also has the other names that the template's source
  // uses for it: thinking, reasoning, thought. Arguments of tool calls that are JSON text of an
  // object become that object, as templates expect.
  Result<Text> render_chat(const Json& messages, const Json& tools,
                           const ChatOptions& options) const;

 private:
  std::string source_;
  std::string begin_text_;
  std::string end_text_;
  Block block_;
};

}  // namespace plinth::engine::templates
