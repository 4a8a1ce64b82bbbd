// SPDX-License-Identifier: Apache-2.0
// Prepares the variables of a chat template.
#include "engine/template/chat.h"

#include "engine/template/interpreter.h"
#include "engine/template/parser.h"

namespace plinth::engine::templates {
namespace {

void parse_call_arguments(Json& message) {
  const Json* calls = message.find("tool_calls");
  if (!calls || !calls->is_array()) return;
  Json prepared = *calls;
  for (Json& call : prepared.items_mutable()) {
    const Json& function = call["function"];
    if (!function.is_object() || !function["arguments"].is_string()) continue;
    Result<Json> arguments = Json::parse(function["arguments"].as_string());
    if (arguments.is_error() || !arguments->is_object()) continue;
    Json changed = function;
    changed.set("arguments", std::move(arguments).value());
    call.set("function", std::move(changed));
  }
  message.set("tool_calls", std::move(prepared));
}

// Templates name what a message thought as they like: each finds it under the name that it uses.
void name_reasoning(Json& message, const std::string& source) {
  const Json reasoning = message["reasoning_content"];
  if (!reasoning.is_string()) return;
  for (const std::string name : {"thinking", "reasoning", "thought"}) {
    const bool is_used = source.find("." + name) != std::string::npos ||
                         source.find("'" + name + "'") != std::string::npos ||
                         source.find('"' + name + '"') != std::string::npos;
    if (is_used && !message.contains(name)) message.set(name, reasoning);
  }
}

}  // namespace

Result<ChatTemplate> ChatTemplate::create(std::string source, std::string begin_text,
                                          std::string end_text) {
  ChatTemplate made;
  made.block_ = TRY(parse_template(source));
  made.source_ = std::move(source);
  made.begin_text_ = std::move(begin_text);
  made.end_text_ = std::move(end_text);
  return made;
}

Result<Text> ChatTemplate::render_chat(const Json& messages, const Json& tools,
                                       const ChatOptions& options) const {
  if (!messages.is_array() || messages.size() == 0) {
    return make_error(ErrorCode::invalid_argument, "messages: at least one is needed", "messages");
  }
  Json prepared = messages;
  for (Json& message : prepared.items_mutable()) {
    if (!message.is_object()) continue;
    parse_call_arguments(message);
    name_reasoning(message, source_);
  }
  Variables variables = {
      {"messages", Value::from_json(prepared, true)},
      {"add_generation_prompt", Value::of(options.is_generation_prompt_added)},
      {"bos_token", Value::of(Text::own(begin_text_))},
      {"eos_token", Value::of(Text::own(end_text_))},
  };
  variables.emplace_back("documents", Value::none());
  const bool has_tools = tools.is_array() && tools.size() > 0;
  variables.emplace_back("tools", has_tools ? Value::from_json(tools, true) : Value::none());
  for (const auto& [name, value] : options.variables.members()) {
    variables.emplace_back(name, Value::from_json(value, true));
  }
  return render(block_, std::move(variables), options.unix_s);
}

}  // namespace plinth::engine::templates
