// SPDX-License-Identifier: Apache-2.0
// Messages and tools as a chat template's variables.
#include "serving/replicas/template_json.h"

namespace plinth::serving {

namespace {

Json arguments_value(const std::string& text) {
  if (text.empty()) return Json::object();
  auto parsed = Json::parse(text);
  if (parsed.is_ok() && parsed->is_object()) return *std::move(parsed);
  return Json(text);
}

Json tool_calls_value(const std::vector<protocol::ToolCall>& calls) {
  Json list = Json::array();
  for (const protocol::ToolCall& call : calls) {
    list.push(Json::object({
        {"id", call.id},
        {"type", "function"},
        {"function",
         Json::object({{"name", call.name}, {"arguments", arguments_value(call.arguments)}})},
    }));
  }
  return list;
}

}  // namespace

Json template_messages(const std::vector<protocol::Message>& messages) {
  Json list = Json::array();
  for (const protocol::Message& message : messages) {
    Json item =
        Json::object({{"role", protocol::role_name(message.role)}, {"content", message.content}});
    if (!message.tool_calls.empty()) item.set("tool_calls", tool_calls_value(message.tool_calls));
    if (!message.reasoning.empty()) item.set("reasoning_content", message.reasoning);
    if (!message.tool_call_id.empty()) item.set("tool_call_id", message.tool_call_id);
    if (!message.name.empty()) item.set("name", message.name);
    list.push(std::move(item));
  }
  return list;
}

Json template_tools(const std::vector<protocol::ToolSpec>& tools) {
  if (tools.empty()) return {};
  Json list = Json::array();
  for (const protocol::ToolSpec& tool : tools) {
    list.push(Json::object({
        {"type", "function"},
        {"function", Json::object({{"name", tool.name},
                                   {"description", tool.description},
                                   {"parameters", tool.parameters}})},
    }));
  }
  return list;
}

}  // namespace plinth::serving
