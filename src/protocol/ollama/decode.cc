// SPDX-License-Identifier: Apache-2.0
// The bodies of Ollama's API: conversations, prompts, texts to embed.
#include <algorithm>
#include <deque>

#include "base/limits.h"
#include "base/text.h"
#include "protocol/fields.h"
#include "protocol/ollama.h"
#include "protocol/ollama/options.h"
#include "protocol/openai/messages.h"

namespace plinth::protocol::ollama {
namespace {

constexpr size_t kToolCallsMax = 128;  // of one message
constexpr size_t kNameBytesMax = 256;
constexpr size_t kInputsMax = 256;
constexpr size_t kShownBytesMax = 64;
constexpr std::string_view kLatest = ":latest";

std::string quoted(std::string_view text) { return "'" + shorten(text, kShownBytesMax) + "'"; }

Result<Role> decode_role(const Json& message, const std::string& path) {
  const std::string name = TRY(within(path, json_field::required_string(message, "role")));
  for (const Role role : {Role::system, Role::user, Role::assistant, Role::tool}) {
    if (role_name(role) == name) return role;
  }
  return field_error(path + ".role",
                     "unknown role " + quoted(name) + "; use system, user, assistant or tool");
}

Result<std::string> optional_text(const Json& object, const std::string& path, const char* key) {
  std::string text = TRY(within(path, json_field::optional_string(object, key))).value_or("");
  if (text.size() <= kNameBytesMax) return text;
  return field_error(path + "." + key, "longer than " + std::to_string(kNameBytesMax) + " bytes");
}

class MessagesDecoder {
 public:
  Status add(const Json& message, const std::string& path) {
    if (!message.is_object()) return expected(path, "an object", message);
    Message decoded;
    decoded.role = TRY(decode_role(message, path));
    decoded.content =
        TRY(within(path, json_field::optional_string(message, "content"))).value_or("");
    TRY(refuse_images(message, path));
    if (!message["tool_calls"].is_null()) TRY(add_calls(message, path, decoded));
    if (decoded.role == Role::tool) TRY(join_call(message, path, decoded));
    messages_.push_back(std::move(decoded));
    return ok();
  }

  std::vector<Message> take() { return std::move(messages_); }

 private:
  struct OpenCall {
    std::string id;
    std::string name;
  };

  Status add_calls(const Json& message, const std::string& path, Message& decoded) {
    const Json& list = message["tool_calls"];
    const std::string place = path + ".tool_calls";
    if (!list.is_array()) return expected(place, "a list", list);
    if (list.size() > 0 && decoded.role != Role::assistant) {
      return field_error(place, "only a message of role 'assistant' has tool calls");
    }
    if (list.size() > kToolCallsMax) {
      return field_error(place, "more than " + std::to_string(kToolCallsMax) + " tool calls");
    }
    for (size_t i = 0; i < list.size(); ++i) {
      decoded.tool_calls.push_back(TRY(decode_call(list.items()[i], at_index(place, i))));
      open_.push_back({decoded.tool_calls.back().id, decoded.tool_calls.back().name});
    }
    return ok();
  }

  // These clients need not number their calls; other wire formats need a number.
  Result<ToolCall> decode_call(const Json& call, const std::string& path) {
    if (!call.is_object()) return expected(path, "an object", call);
    const Json& function = call["function"];
    const std::string inner = path + ".function";
    if (!function.is_object()) return expected(inner, "an object", function);
    ToolCall decoded;
    decoded.id = TRY(optional_text(call, path, "id"));
    if (decoded.id.empty()) decoded.id = "call_" + std::to_string(calls_);
    ++calls_;
    decoded.name = TRY(within(inner, json_field::required_string(function, "name")));
    TRY(openai::check_called_name(decoded.name, inner + ".name"));
    const Json& arguments = function["arguments"];
    if (!arguments.is_null() && !arguments.is_object()) {
      return expected(inner + ".arguments", "an object", arguments);
    }
    decoded.arguments = arguments.is_null() ? "{}" : arguments.dump();
    return decoded;
  }

  Status join_call(const Json& message, const std::string& path, Message& decoded) {
    const std::string id = TRY(optional_text(message, path, "tool_call_id"));
    decoded.name = TRY(optional_text(message, path, "tool_name"));
    auto answered = std::find_if(open_.begin(), open_.end(), [&](const OpenCall& call) {
      return id.empty() ? decoded.name.empty() || call.name == decoded.name : call.id == id;
    });
    if (answered == open_.end()) {
      decoded.tool_call_id = id;
      return ok();
    }
    decoded.tool_call_id = answered->id;
    decoded.name = answered->name;
    open_.erase(answered);
    return ok();
  }

  std::vector<Message> messages_;
  std::deque<OpenCall> open_;  // calls without an answer yet
  size_t calls_ = 0;
};

Result<std::vector<Message>> decode_messages(const Json& body) {
  const Json& list = body["messages"];
  if (list.is_null()) return std::vector<Message>();
  if (!list.is_array()) return expected("messages", "a list of messages", list);
  if (list.size() > limits::kMessagesMax) {
    return field_error("messages", std::to_string(list.size()) + " messages; at most " +
                                       std::to_string(limits::kMessagesMax) + " are read");
  }
  MessagesDecoder decoder;
  for (size_t i = 0; i < list.size(); ++i) {
    TRY(decoder.add(list.items()[i], at_index("messages", i)));
  }
  return decoder.take();
}

// What chat and generate share.
Result<ChatCall> decode_call(const Json& body) {
  ChatCall call;
  call.request.model = TRY(decode_model(body));
  TRY(decode_options(body, call.request));
  call.request.reply_format = TRY(decode_format(body));
  TRY(refuse_thinking(body));
  call.is_stream = TRY(json_field::optional_bool(body, "stream")).value_or(true);
  return call;
}

// What would make another prompt than the one that is made here.
Status refuse_prompt_parts(const Json& body) {
  for (const char* key : {"suffix", "template", "context"}) {
    const Json& value = body[key];
    const bool is_empty = value.is_null() || value == Json("") || value == Json::array();
    if (!is_empty) return unsupported_field(key, "leave it out");
  }
  return refuse_images(body, {});
}

Result<std::string> decode_input(const Json& input, const std::string& path) {
  if (!input.is_string()) return expected(path, "a string", input);
  return input.as_string();
}

}  // namespace

Result<ChatCall> decode_chat(const Json& body) {
  ChatCall call = TRY(decode_call(body));
  call.request.messages = TRY(decode_messages(body));
  call.request.tools = TRY(openai::decode_tools(body));
  return call;
}

Result<ChatCall> decode_generate(const Json& body) {
  ChatCall call = TRY(decode_call(body));
  TRY(refuse_prompt_parts(body));
  std::string prompt = TRY(json_field::optional_string(body, "prompt")).value_or("");
  const std::string system = TRY(json_field::optional_string(body, "system")).value_or("");
  const bool is_raw = TRY(json_field::optional_bool(body, "raw")).value_or(false);
  if (prompt.empty()) return call;
  if (is_raw) {
    call.request.prompt = PlainPrompt{std::move(prompt), {}};
    return call;
  }
  if (!system.empty()) call.request.messages.push_back(message_of(Role::system, system));
  call.request.messages.push_back(message_of(Role::user, std::move(prompt)));
  return call;
}

std::string other_name(const std::string& model) {
  if (!model.ends_with(kLatest)) return model + std::string(kLatest);
  return model.substr(0, model.size() - kLatest.size());
}

Result<EmbedCall> decode_embed(const Json& body) {
  EmbedCall call{TRY(decode_model(body)), {}};
  const Json& input = body["input"];
  if (!input.is_array()) {
    call.inputs.push_back(TRY(decode_input(input, "input")));
  } else if (input.size() == 0 || input.size() > kInputsMax) {
    return field_error("input", "must have 1 to " + std::to_string(kInputsMax) + " texts, got " +
                                    std::to_string(input.size()));
  } else {
    for (size_t i = 0; i < input.size(); ++i) {
      call.inputs.push_back(TRY(decode_input(input.items()[i], at_index("input", i))));
    }
  }
  if (!body["dimensions"].is_null() && body["dimensions"] != Json(0)) {
    return unsupported_field("dimensions", "vectors have the model's own size; leave it out");
  }
  return call;
}

Result<EmbedCall> decode_embeddings(const Json& body) {
  std::string model = TRY(decode_model(body));
  return EmbedCall{std::move(model), {TRY(json_field::required_string(body, "prompt"))}};
}

Result<std::string> decode_show(const Json& body) { return decode_model(body); }

}  // namespace plinth::protocol::ollama
