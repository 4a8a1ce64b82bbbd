// SPDX-License-Identifier: Apache-2.0
// The bodies of the Messages API: what is asked of the model beside the conversation itself.
#include <algorithm>
#include <limits>
#include <set>

#include "base/limits.h"
#include "base/text.h"
#include "protocol/anthropic.h"
#include "protocol/anthropic/turns.h"
#include "protocol/fields.h"

namespace plinth::protocol::anthropic {
namespace {

constexpr size_t kModelBytesMax = 256;
constexpr size_t kStopsMax = 16;
constexpr size_t kStopBytesMax = 1024;
constexpr double kTemperatureMax = 2;  // Anthropic's own models take up to 1
constexpr int64_t kTokensMax = std::numeric_limits<int32_t>::max();
constexpr size_t kShownBytesMax = 64;

std::string quoted(std::string_view text) { return "'" + shorten(text, kShownBytesMax) + "'"; }

Result<std::string> decode_model(const Json& body) {
  if (!body.is_object()) {
    return make_error(ErrorCode::invalid_argument,
                      "the body: expected a JSON object, got " + std::string(body.type_name()));
  }
  std::string model = TRY(json_field::required_string(body, "model"));
  if (!model.empty() && model.size() <= kModelBytesMax) return model;
  return field_error("model", "must have 1 to " + std::to_string(kModelBytesMax) + " bytes");
}

Result<ToolSpec> decode_tool(const Json& tool, const std::string& path) {
  if (!tool.is_object()) return expected(path, "an object", tool);
  const auto type = TRY(within(path, json_field::optional_string(tool, "type")));
  if (type && *type != "custom") {
    return unsupported_field(path + ".type", "tools of type " + quoted(*type) +
                                                 " run at Anthropic; give name, description and "
                                                 "input_schema of a tool of your own");
  }
  ToolSpec decoded;
  decoded.name = TRY(within(path, json_field::required_string(tool, "name")));
  if (!is_tool_name(decoded.name)) {
    return field_error(
        path + ".name",
        quoted(decoded.name) + " is not a name of 1 to 128 characters of a-z A-Z 0-9 _ -");
  }
  decoded.description =
      TRY(within(path, json_field::optional_string(tool, "description"))).value_or("");
  decoded.parameters = tool["input_schema"];
  if (!decoded.parameters.is_object()) {
    return expected(path + ".input_schema", "a JSON Schema object", decoded.parameters);
  }
  return decoded;
}

Result<std::vector<ToolSpec>> decode_tools(const Json& body) {
  const Json& list = body["tools"];
  std::vector<ToolSpec> tools;
  if (list.is_null()) return tools;
  if (!list.is_array()) return expected("tools", "a list of tools", list);
  if (list.size() > limits::kToolsMax) {
    return field_error("tools", std::to_string(list.size()) + " tools; at most " +
                                    std::to_string(limits::kToolsMax) + " are read");
  }
  std::set<std::string> names;
  for (size_t i = 0; i < list.size(); ++i) {
    tools.push_back(TRY(decode_tool(list.items()[i], at_index("tools", i))));
    if (names.insert(tools.back().name).second) continue;
    return field_error(at_index("tools", i) + ".name",
                       quoted(tools.back().name) + " is the name of two tools");
  }
  return tools;
}

// A tool that is named is the only one offered.
Status decode_named_choice(const Json& choice, ChatRequest& request) {
  const std::string name = TRY(within("tool_choice", json_field::required_string(choice, "name")));
  const auto chosen = std::find_if(request.tools.begin(), request.tools.end(),
                                   [&](const ToolSpec& tool) { return tool.name == name; });
  if (chosen == request.tools.end()) {
    return field_error("tool_choice.name", quoted(name) + " is not the name of a tool in `tools`");
  }
  request.tools = {ToolSpec(*chosen)};
  request.tool_choice = ToolChoice::required;
  return ok();
}

Status decode_tool_choice(const Json& body, ChatRequest& request) {
  const Json& choice = body["tool_choice"];
  if (choice.is_null()) return ok();
  if (!choice.is_object()) return expected("tool_choice", "an object", choice);
  const std::string type = TRY(within("tool_choice", json_field::required_string(choice, "type")));
  if (type == "auto") return ok();
  if (type == "tool") return decode_named_choice(choice, request);
  if (type == "none") {
    request.tool_choice = ToolChoice::none;
    return ok();
  }
  if (type != "any") {
    return field_error("tool_choice.type",
                       "unknown value " + quoted(type) + "; use auto, any, tool or none");
  }
  if (request.tools.empty()) return field_error("tool_choice", "'any' needs `tools`");
  request.tool_choice = ToolChoice::required;
  return ok();
}

Result<std::vector<std::string>> decode_stops(const Json& body) {
  const Json& list = body["stop_sequences"];
  std::vector<std::string> stops;
  if (list.is_null()) return stops;
  if (!list.is_array()) return expected("stop_sequences", "a list of strings", list);
  if (list.size() > kStopsMax) {
    return field_error("stop_sequences", std::to_string(list.size()) + " strings; at most " +
                                             std::to_string(kStopsMax));
  }
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string path = at_index("stop_sequences", i);
    if (!list.items()[i].is_string()) return expected(path, "a string", list.items()[i]);
    stops.push_back(list.items()[i].as_string());
    if (!stops.back().empty() && stops.back().size() <= kStopBytesMax) continue;
    return field_error(path, "must have 1 to " + std::to_string(kStopBytesMax) + " bytes");
  }
  return stops;
}

// Structured outputs: {"type": "json_schema", "schema"} in output_config.format, or where it stood
// before, in output_format.
Result<std::optional<ReplyFormat>> decode_format(const Json& body) {
  const bool is_old = !body["output_format"].is_null();
  const std::string path = is_old ? "output_format" : "output_config.format";
  const Json& format = is_old ? body["output_format"] : body["output_config"]["format"];
  if (format.is_null()) return std::optional<ReplyFormat>();
  if (!format.is_object()) return expected(path, "an object", format);
  const std::string type = TRY(within(path, json_field::required_string(format, "type")));
  if (type != "json_schema") {
    return field_error(path + ".type", "unknown value " + quoted(type) + "; use json_schema");
  }
  const Json& schema = format["schema"];
  if (!schema.is_object()) return expected(path + ".schema", "a JSON Schema object", schema);
  ReplyFormat decoded;
  decoded.schema = schema;
  decoded.name = "reply";
  decoded.is_strict = true;
  return std::optional(std::move(decoded));
}

Result<bool> decode_is_one_tool_use(const Json& body) {
  const Json& choice = body["tool_choice"];
  if (choice.is_null()) return false;
  return TRY(within("tool_choice", json_field::optional_bool(choice, "disable_parallel_tool_use")))
      .value_or(false);
}

Status refuse_unsupported(const Json& body) {
  const Json& thinking = body["thinking"];
  if (!thinking.is_null() && thinking["type"].as_string() != "disabled") {
    return unsupported_field("thinking", "leave it out or send {\"type\": \"disabled\"}");
  }
  for (const char* key : {"mcp_servers", "container"}) {
    const Json& value = body[key];
    if (value.is_null() || (value.is_array() && value.size() == 0)) continue;
    return unsupported_field(key, "leave it out");
  }
  return ok();
}

Result<std::string> decode_user(const Json& body) {
  const Json& metadata = body["metadata"];
  if (metadata.is_null()) return std::string();
  if (!metadata.is_object()) return expected("metadata", "an object", metadata);
  return TRY(within("metadata", json_field::optional_string(metadata, "user_id"))).value_or("");
}

// What counts toward the prompt.
Result<ChatRequest> decode_prompt(const Json& body) {
  ChatRequest request;
  request.model = TRY(decode_model(body));
  request.messages = TRY(decode_turns(body));
  request.tools = TRY(decode_tools(body));
  TRY(decode_tool_choice(body, request));
  TRY(refuse_unsupported(body));
  return request;
}

Result<int64_t> decode_max_tokens(const Json& body) {
  const auto given = TRY(json_field::optional_integer(body, "max_tokens", 1, kTokensMax));
  if (given) return *given;
  return field_error("max_tokens", "required: the most tokens the reply may have");
}

}  // namespace

Result<MessagesCall> decode_messages(const Json& body) {
  MessagesCall call;
  call.request = TRY(decode_prompt(body));
  ChatRequest& request = call.request;
  if (request.messages.back().role == Role::assistant) {
    return unsupported_field("messages",
                             "the last message is the assistant's, and a begun reply cannot be "
                             "continued; end with a user's message");
  }
  request.max_tokens = TRY(decode_max_tokens(body));
  request.stop = TRY(decode_stops(body));
  Sampling& sampling = request.sampling;
  sampling.temperature = TRY(json_field::optional_number(body, "temperature", 0, kTemperatureMax));
  sampling.top_p = TRY(json_field::optional_number(body, "top_p", 0, 1));
  sampling.top_k = TRY(json_field::optional_integer(body, "top_k", 0, kTokensMax));
  request.reply_format = TRY(decode_format(body));
  request.user = TRY(decode_user(body));
  call.is_one_tool_use = TRY(decode_is_one_tool_use(body));
  request.is_one_call_at_most = call.is_one_tool_use;
  call.is_stream = TRY(json_field::optional_bool(body, "stream")).value_or(false);
  return call;
}

Result<ChatRequest> decode_count_tokens(const Json& body) { return decode_prompt(body); }

Json encode_count(int64_t input_tokens) { return Json::object({{"input_tokens", input_tokens}}); }

}  // namespace plinth::protocol::anthropic
