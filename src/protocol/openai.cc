// SPDX-License-Identifier: Apache-2.0
// Decoding what OpenAI clients send for chat completions.
#include "protocol/openai.h"

#include <algorithm>

#include "base/text.h"
#include "protocol/openai/envelope.h"
#include "protocol/openai/fields.h"
#include "protocol/openai/messages.h"
#include "protocol/openai/response_format.h"
#include "protocol/openai/sampling.h"

namespace plinth::protocol::openai {
namespace {

// Fields whose absence would change the reply: better refused than silently ignored.
Status refuse_unsupported(const Json& body) {
  for (const char* key : {"functions", "function_call"}) {
    if (!body[key].is_null()) {
      return unsupported_field(key, "deprecated by its authors; use tools and tool_choice");
    }
  }
  for (const char* key : {"audio", "web_search_options"}) {
    if (!body[key].is_null()) return unsupported_field(key, "leave it out");
  }
  for (const Json& modality : body["modalities"].items()) {
    if (modality.as_string() != "text") {
      return unsupported_field("modalities", "only [\"text\"]");
    }
  }
  return ok();
}

Status decode_named_choice(const Json& choice, ChatRequest& request) {
  const std::string type = TRY(within("tool_choice", json_field::required_string(choice, "type")));
  if (type != "function") {
    return unsupported_field("tool_choice.type",
                             "'" + shorten(type, 64) + "'; use none, auto, required or a function");
  }
  const Json& function = choice["function"];
  if (!function.is_object()) return expected("tool_choice.function", "an object", function);
  const std::string name =
      TRY(within("tool_choice.function", json_field::required_string(function, "name")));
  const auto chosen = std::find_if(request.tools.begin(), request.tools.end(),
                                   [&](const ToolSpec& tool) { return tool.name == name; });
  if (chosen == request.tools.end()) {
    return field_error("tool_choice.function.name",
                       "'" + shorten(name, 64) + "' is not the name of a tool in `tools`");
  }
  request.tools = {ToolSpec(*chosen)};
  request.tool_choice = ToolChoice::required;
  return ok();
}

Status decode_tool_choice(const Json& body, ChatRequest& request) {
  const Json& choice = body["tool_choice"];
  if (choice.is_null()) return ok();
  if (choice.is_object()) return decode_named_choice(choice, request);
  if (!choice.is_string()) return expected("tool_choice", "a string or an object", choice);
  const std::string& name = choice.as_string();
  if (name == "none") {
    request.tool_choice = ToolChoice::none;
  } else if (name == "auto") {
    request.tool_choice = ToolChoice::automatic;
  } else if (name == "required") {
    if (request.tools.empty()) return field_error("tool_choice", "'required' needs `tools`");
    request.tool_choice = ToolChoice::required;
  } else {
    return field_error("tool_choice", "unknown value '" + shorten(name, 64) +
                                          "'; use none, auto, required or a function");
  }
  return ok();
}

}  // namespace

Result<ChatCall> decode_chat(const Json& body) {
  TRY(check_object(body));
  ChatCall call;
  ChatRequest& request = call.request;
  request.model = TRY(decode_model(body));
  request.messages = TRY(decode_messages(body));
  request.tools = TRY(decode_tools(body));
  TRY(decode_tool_choice(body, request));
  const auto is_parallel = TRY(json_field::optional_bool(body, "parallel_tool_calls"));
  request.is_one_call_at_most = !is_parallel.value_or(true);
  TRY(decode_sampling(body, request));
  TRY(refuse_unsupported(body));
  request.reply_format = TRY(decode_response_format(body));
  request.user = TRY(json_field::optional_string(body, "user")).value_or("");
  call.choices =
      static_cast<size_t>(TRY(json_field::optional_integer(body, "n", 1, kChoicesMax)).value_or(1));
  const StreamOptions stream = TRY(decode_stream(body));
  call.is_stream = stream.is_stream;
  call.is_usage_wanted = stream.is_usage_wanted;
  return call;
}

}  // namespace plinth::protocol::openai
