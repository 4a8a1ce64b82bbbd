// SPDX-License-Identifier: Apache-2.0
// Messages and tools of a chat request, from OpenAI's JSON to the neutral types.
#include "protocol/openai/messages.h"

#include <algorithm>

#include "base/limits.h"
#include "base/text.h"
#include "protocol/fields.h"
#include "protocol/tool_list.h"

namespace plinth::protocol::openai {
namespace {

constexpr size_t kContentPartsMax = 256;
constexpr size_t kToolCallsMax = 128;  // of one message
constexpr size_t kFunctionNameMax = 64;
constexpr size_t kIdBytesMax = 256;
constexpr size_t kShownBytesMax = 64;  // of a foreign value repeated in an error

std::string quoted(std::string_view text) { return "'" + shorten(text, kShownBytesMax) + "'"; }

Result<Role> decode_role(const Json& message, const std::string& path) {
  const std::string name = TRY(within(path, json_field::required_string(message, "role")));
  if (name == "system" || name == "developer") return Role::system;
  if (name == "user") return Role::user;
  if (name == "assistant") return Role::assistant;
  if (name == "tool") return Role::tool;
  if (name == "function") {
    return unsupported_field(path + ".role", "the role 'function' is deprecated; use 'tool'");
  }
  return field_error(path + ".role", "unknown role " + quoted(name) +
                                         "; use system, developer, user, assistant or tool");
}

Result<std::string> decode_part(const Json& part, const std::string& path) {
  if (!part.is_object()) return expected(path, "an object", part);
  const std::string type = TRY(within(path, json_field::required_string(part, "type")));
  if (type != "text") {
    return field_error(path + ".type", "unsupported: parts of type " + quoted(type) +
                                           " cannot be read; send parts of type 'text'");
  }
  return within(path, json_field::required_string(part, "text"));
}

// Text parts are paragraphs of one message, so a line break keeps them apart.
Result<std::string> decode_parts(const Json& parts, const std::string& path) {
  if (parts.size() == 0) return field_error(path, "the list of parts is empty");
  if (parts.size() > kContentPartsMax) {
    return field_error(path, "more than " + std::to_string(kContentPartsMax) + " parts");
  }
  std::vector<std::string> texts;
  for (size_t i = 0; i < parts.size(); ++i) {
    texts.push_back(TRY(decode_part(parts.items()[i], at_index(path, i))));
  }
  return join(texts, "\n");
}

Result<std::string> decode_content(const Json& message, const std::string& path, bool is_optional) {
  const Json& content = message["content"];
  if (content.is_string()) return content.as_string();
  if (content.is_array()) return decode_parts(content, path + ".content");
  if (content.is_null() && is_optional) return std::string();
  return expected(path + ".content", "a string or a list of text parts", content);
}

Result<ToolCall> decode_tool_call(const Json& call, const std::string& path) {
  if (!call.is_object()) return expected(path, "an object", call);
  ToolCall decoded;
  decoded.id = TRY(within(path, json_field::required_string(call, "id")));
  if (decoded.id.empty() || decoded.id.size() > kIdBytesMax) {
    return field_error(path + ".id", "must have 1 to " + std::to_string(kIdBytesMax) + " bytes");
  }
  const auto type = TRY(within(path, json_field::optional_string(call, "type")));
  if (type && *type != "function") {
    return unsupported_field(path + ".type", "tool calls of type " + quoted(*type));
  }
  const Json& function = call["function"];
  if (!function.is_object()) return expected(path + ".function", "an object", function);
  const std::string inner = path + ".function";
  decoded.name = TRY(within(inner, json_field::required_string(function, "name")));
  TRY(check_called_name(decoded.name, inner + ".name"));
  decoded.arguments = TRY(within(inner, json_field::required_string(function, "arguments")));
  return decoded;
}

Result<Message> decode_message(const Json& message, const std::string& path) {
  if (!message.is_object()) return expected(path, "an object", message);
  Message decoded;
  decoded.role = TRY(decode_role(message, path));
  const Json& calls = message["tool_calls"];
  if (!calls.is_null() && decoded.role != Role::assistant) {
    return field_error(path + ".tool_calls", "only a message of role 'assistant' has tool calls");
  }
  decoded.tool_calls = TRY(decode_tool_calls(calls, path + ".tool_calls"));
  decoded.content = TRY(decode_content(message, path, !decoded.tool_calls.empty()));
  if (decoded.role == Role::assistant) {
    for (const char* key : {"reasoning_content", "reasoning"}) {
      if (!decoded.reasoning.empty() || !message[key].is_string()) continue;
      decoded.reasoning = message[key].as_string();
    }
  }
  if (decoded.role == Role::tool) {
    decoded.tool_call_id = TRY(within(path, json_field::required_string(message, "tool_call_id")));
    if (decoded.tool_call_id.empty() || decoded.tool_call_id.size() > kIdBytesMax) {
      return field_error(path + ".tool_call_id",
                         "must have 1 to " + std::to_string(kIdBytesMax) + " bytes");
    }
  }
  decoded.name = TRY(within(path, json_field::optional_string(message, "name"))).value_or("");
  if (decoded.name.size() > kIdBytesMax) {
    return field_error(path + ".name", "longer than " + std::to_string(kIdBytesMax) + " bytes");
  }
  return decoded;
}

Result<ToolSpec> decode_tool(const Json& tool, const std::string& path) {
  if (!tool.is_object()) return expected(path, "an object", tool);
  const std::string type = TRY(within(path, json_field::required_string(tool, "type")));
  if (type != "function") {
    return unsupported_field(path + ".type", "tools of type " + quoted(type) + "; use 'function'");
  }
  const std::string inner = path + ".function";
  const Json& function = tool["function"];
  if (!function.is_object()) return expected(inner, "an object", function);
  ToolSpec decoded;
  decoded.name = TRY(within(inner, json_field::required_string(function, "name")));
  if (!is_function_name(decoded.name)) {
    return field_error(
        inner + ".name",
        quoted(decoded.name) + " is not a name of 1 to 64 characters of a-z A-Z 0-9 _ -");
  }
  decoded.description =
      TRY(within(inner, json_field::optional_string(function, "description"))).value_or("");
  decoded.is_strict =
      TRY(within(inner, json_field::optional_bool(function, "strict"))).value_or(false);
  const Json& parameters = function["parameters"];
  if (parameters.is_null()) {
    decoded.parameters = Json::object({{"type", "object"}, {"properties", Json::object()}});
  } else if (parameters.is_object()) {
    decoded.parameters = parameters;
  } else {
    return expected(inner + ".parameters", "a JSON Schema object", parameters);
  }
  return decoded;
}

}  // namespace

bool is_function_name(std::string_view name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= kFunctionNameMax &&
         std::all_of(name.begin(), name.end(), is_allowed);
}

Status check_called_name(std::string_view name, const std::string& path) {
  if (!name.empty() && name.size() <= kCalledNameBytesMax) return ok();
  return field_error(path, "must have 1 to " + std::to_string(kCalledNameBytesMax) + " bytes");
}

Result<std::vector<ToolCall>> decode_tool_calls(const Json& list, const std::string& path) {
  std::vector<ToolCall> decoded;
  if (list.is_null()) return decoded;
  if (!list.is_array()) return expected(path, "a list", list);
  if (list.size() > kToolCallsMax) {
    return field_error(path, "more than " + std::to_string(kToolCallsMax) + " tool calls");
  }
  for (size_t i = 0; i < list.size(); ++i) {
    decoded.push_back(TRY(decode_tool_call(list.items()[i], at_index(path, i))));
  }
  return decoded;
}

Result<std::vector<Message>> decode_messages(const Json& body) {
  const Json& list = body["messages"];
  if (!list.is_array()) return expected("messages", "a list of messages", list);
  if (list.size() == 0) return field_error("messages", "the list is empty; send at least one");
  if (list.size() > limits::kMessagesMax) {
    return field_error("messages", std::to_string(list.size()) + " messages; at most " +
                                       std::to_string(limits::kMessagesMax) + " are read");
  }
  std::vector<Message> messages;
  messages.reserve(list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    messages.push_back(TRY(decode_message(list.items()[i], at_index("messages", i))));
  }
  return messages;
}

Result<std::vector<ToolSpec>> decode_tools(const Json& body) {
  return decode_tool_list(body["tools"], ".function.name", decode_tool);
}

}  // namespace plinth::protocol::openai
