// SPDX-License-Identifier: Apache-2.0
#include "protocol/responses.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include "base/limits.h"
#include "base/text.h"
#include "protocol/openai/envelope.h"
#include "protocol/openai/fields.h"
#include "protocol/openai/messages.h"

namespace plinth::protocol::responses {
namespace {

constexpr double kTemperatureMax = 2.0;
constexpr int64_t kTokensMax = std::numeric_limits<int32_t>::max();
constexpr int64_t kTopLogprobsMax = 20;
constexpr size_t kMetadataMax = 16;
constexpr size_t kMetadataKeyBytesMax = 64;
constexpr size_t kMetadataValueBytesMax = 512;
constexpr size_t kIdBytesMax = 256;
constexpr std::string_view kLogprobs = "message.output_text.logprobs";
// What else may be included is never there: no model here has such outputs.
constexpr std::array<std::string_view, 7> kIncludable = {kLogprobs,
                                                         "reasoning.encrypted_content",
                                                         "file_search_call.results",
                                                         "web_search_call.results",
                                                         "web_search_call.action.sources",
                                                         "message.input_image.image_url",
                                                         "code_interpreter_call.outputs"};

std::string quoted(std::string_view text) { return "'" + shorten(text, 64) + "'"; }

Status refuse_unsupported(const Json& body) {
  if (TRY(json_field::optional_bool(body, "background")).value_or(false)) {
    return unsupported_field("background",
                             "a response is made while its caller waits; leave it out"
                             ", and stream it if it takes long");
  }
  for (const char* key : {"conversation", "prompt"}) {
    if (!body[key].is_null()) {
      return unsupported_field(key,
                               "send the conversation as input, or go on from "
                               "previous_response_id");
    }
  }
  const auto truncation = TRY(json_field::optional_string(body, "truncation"));
  if (truncation && *truncation != "disabled") {
    return unsupported_field(
        "truncation", quoted(*truncation) + "; a conversation is never cut here, use disabled");
  }
  return ok();
}

Result<ToolSpec> decode_tool(const Json& tool, const std::string& path) {
  if (!tool.is_object()) return expected(path, "an object", tool);
  const std::string type = TRY(within(path, json_field::required_string(tool, "type")));
  if (type != "function") {
    return unsupported_field(path + ".type", "tools of type " + quoted(type) + "; use 'function'");
  }
  ToolSpec decoded;
  decoded.name = TRY(within(path, json_field::required_string(tool, "name")));
  if (!openai::is_function_name(decoded.name)) {
    return field_error(
        path + ".name",
        quoted(decoded.name) + " is not a name of 1 to 64 characters of a-z A-Z 0-9 _ -");
  }
  decoded.description =
      TRY(within(path, json_field::optional_string(tool, "description"))).value_or("");
  decoded.is_strict = TRY(within(path, json_field::optional_bool(tool, "strict"))).value_or(false);
  const Json& parameters = tool["parameters"];
  if (parameters.is_null()) {
    decoded.parameters = Json::object({{"type", "object"}, {"properties", Json::object()}});
    return decoded;
  }
  if (!parameters.is_object()) return expected(path + ".parameters", "an object", parameters);
  decoded.parameters = parameters;
  return decoded;
}

Result<std::vector<ToolSpec>> decode_tools(const Json& list) {
  std::vector<ToolSpec> tools;
  if (list.is_null()) return tools;
  if (!list.is_array()) return expected("tools", "a list of tools", list);
  if (list.size() > limits::kToolsMax) {
    return field_error("tools", std::to_string(list.size()) + " tools; at most " +
                                    std::to_string(limits::kToolsMax) + " are read");
  }
  std::set<std::string> names;
  for (size_t i = 0; i < list.size(); ++i) {
    ToolSpec tool = TRY(decode_tool(list.items()[i], at_index("tools", i)));
    if (!names.insert(tool.name).second) {
      return field_error(at_index("tools", i) + ".name",
                         quoted(tool.name) + " is the name of two tools");
    }
    tools.push_back(std::move(tool));
  }
  return tools;
}

Status decode_named_choice(const Json& choice, ChatRequest& request) {
  const std::string type = TRY(within("tool_choice", json_field::required_string(choice, "type")));
  if (type != "function") {
    return unsupported_field("tool_choice.type",
                             quoted(type) + "; use none, auto, required or a function");
  }
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

Status decode_tool_choice(const Json& choice, ChatRequest& request) {
  if (choice.is_null()) return ok();
  if (choice.is_object()) return decode_named_choice(choice, request);
  if (!choice.is_string()) return expected("tool_choice", "a string or an object", choice);
  const std::string& name = choice.as_string();
  if (name == "none") {
    request.tool_choice = ToolChoice::none;
  } else if (name == "required") {
    if (request.tools.empty()) return field_error("tool_choice", "'required' needs `tools`");
    request.tool_choice = ToolChoice::required;
  } else if (name != "auto") {
    return field_error("tool_choice", "unknown value " + quoted(name) +
                                          "; use none, auto, required or a function");
  }
  return ok();
}

Result<std::optional<ReplyFormat>> decode_format(const Json& text) {
  const std::string path = "text.format";
  if (text.is_null()) return std::optional<ReplyFormat>();
  if (!text.is_object()) return expected("text", "an object", text);
  const Json& format = text["format"];
  if (format.is_null()) return std::optional<ReplyFormat>();
  if (!format.is_object()) return expected(path, "an object", format);
  const std::string type = TRY(within(path, json_field::required_string(format, "type")));
  if (type == "text") return std::optional<ReplyFormat>();
  if (type == "json_object") return std::optional(ReplyFormat());
  if (type != "json_schema") {
    return field_error(path + ".type",
                       "unknown value " + quoted(type) + "; use text, json_object or json_schema");
  }
  ReplyFormat decoded;
  decoded.name = TRY(within(path, json_field::required_string(format, "name")));
  if (!openai::is_function_name(decoded.name)) {
    return field_error(path + ".name", "must have 1 to 64 characters of a-z, A-Z, 0-9, _ and -");
  }
  if (!format["schema"].is_object())
    return expected(path + ".schema", "an object", format["schema"]);
  decoded.schema = format["schema"];
  decoded.is_strict =
      TRY(within(path, json_field::optional_bool(format, "strict"))).value_or(false);
  return std::optional(std::move(decoded));
}

Result<std::optional<int64_t>> decode_logprobs(const Json& body) {
  const auto top = TRY(json_field::optional_integer(body, "top_logprobs", 0, kTopLogprobsMax));
  const Json& include = body["include"];
  if (!include.is_null() && !include.is_array()) return expected("include", "a list", include);
  bool is_wanted = false;
  for (size_t i = 0; i < include.size(); ++i) {
    const std::string& name = include.items()[i].as_string();
    if (std::find(kIncludable.begin(), kIncludable.end(), name) == kIncludable.end()) {
      return unsupported_field(at_index("include", i), quoted(name) + "; leave it out");
    }
    is_wanted = is_wanted || name == kLogprobs;
  }
  if (is_wanted) return std::optional<int64_t>(top.value_or(0));
  if (top.value_or(0) == 0) return std::optional<int64_t>();
  return field_error("top_logprobs", "needs \"" + std::string(kLogprobs) + "\" in include");
}

Result<Json> decode_metadata(const Json& metadata) {
  if (metadata.is_null()) return Json::object();
  if (!metadata.is_object()) return expected("metadata", "an object", metadata);
  if (metadata.size() > kMetadataMax) {
    return field_error("metadata", std::to_string(metadata.size()) + " entries; at most " +
                                       std::to_string(kMetadataMax));
  }
  for (const auto& [key, value] : metadata.members()) {
    if (!value.is_string()) return expected("metadata." + shorten(key, 64), "a string", value);
    if (key.size() > kMetadataKeyBytesMax || value.as_string().size() > kMetadataValueBytesMax) {
      return field_error("metadata", "a key has at most " + std::to_string(kMetadataKeyBytesMax) +
                                         " bytes and a value " +
                                         std::to_string(kMetadataValueBytesMax));
    }
  }
  return metadata;
}

Status decode_sampling(const Json& body, ChatRequest& request) {
  request.sampling.temperature =
      TRY(json_field::optional_number(body, "temperature", 0, kTemperatureMax));
  request.sampling.top_p = TRY(json_field::optional_number(body, "top_p", 0, 1));
  request.max_tokens = TRY(json_field::optional_integer(body, "max_output_tokens", 1, kTokensMax));
  request.logprobs_top = TRY(decode_logprobs(body));
  return ok();
}

Status decode_conversation(const Json& body, ResponseCall& call) {
  call.instructions = TRY(json_field::optional_string(body, "instructions")).value_or("");
  call.previous_id = TRY(json_field::optional_string(body, "previous_response_id")).value_or("");
  if (call.previous_id.size() > kIdBytesMax) {
    return field_error("previous_response_id",
                       "longer than " + std::to_string(kIdBytesMax) + " bytes");
  }
  if (!body["input"].is_null()) call.input = TRY(decode_items(body["input"], "input"));
  if (!call.input.empty() || !call.previous_id.empty()) return ok();
  return body["input"].is_null() ? expected("input", "a text or a list of items", body["input"])
                                 : field_error("input", "the list holds nothing to answer");
}

Json settings_of(const Json& body, const ResponseCall& call, Json metadata) {
  const auto as_given = [&](const char* key, Json otherwise) {
    return body[key].is_null() ? std::move(otherwise) : body[key];
  };
  const Json text = Json::object({{"format", Json::object({{"type", "text"}})}});
  return Json::object({
      {"background", false},
      {"instructions", as_given("instructions", nullptr)},
      {"max_output_tokens", as_given("max_output_tokens", nullptr)},
      {"metadata", std::move(metadata)},
      {"parallel_tool_calls", as_given("parallel_tool_calls", true)},
      {"previous_response_id", as_given("previous_response_id", nullptr)},
      {"reasoning", Json::object({{"effort", nullptr}, {"summary", nullptr}})},
      {"store", call.is_stored},
      {"temperature", as_given("temperature", nullptr)},
      {"text", body["text"]["format"].is_null() ? text : body["text"]},
      {"tool_choice", as_given("tool_choice", "auto")},
      {"tools", as_given("tools", Json::array())},
      {"top_p", as_given("top_p", nullptr)},
      {"truncation", "disabled"},
      {"user", as_given("user", nullptr)},
  });
}

}  // namespace

Result<ResponseCall> decode_response_call(const Json& body) {
  TRY(openai::check_object(body));
  ResponseCall call;
  ChatRequest& request = call.request;
  request.model = TRY(openai::decode_model(body));
  TRY(refuse_unsupported(body));
  TRY(decode_conversation(body, call));
  request.tools = TRY(decode_tools(body["tools"]));
  TRY(decode_tool_choice(body["tool_choice"], request));
  TRY(decode_sampling(body, request));
  request.reply_format = TRY(decode_format(body["text"]));
  request.user = TRY(json_field::optional_string(body, "user")).value_or("");
  request.is_one_call_at_most =
      !TRY(json_field::optional_bool(body, "parallel_tool_calls")).value_or(true);
  call.is_stored = TRY(json_field::optional_bool(body, "store")).value_or(true);
  call.is_stream = TRY(json_field::optional_bool(body, "stream")).value_or(false);
  call.settings = settings_of(body, call, TRY(decode_metadata(body["metadata"])));
  return call;
}

}  // namespace plinth::protocol::responses
