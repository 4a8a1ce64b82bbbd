// SPDX-License-Identifier: Apache-2.0
#include "protocol/responses.h"

#include <map>

#include "base/limits.h"
#include "base/text.h"
#include "protocol/fields.h"
#include "protocol/openai/messages.h"

namespace plinth::protocol::responses {
namespace {

constexpr size_t kPartsMax = 256;
constexpr size_t kIdBytesMax = 256;

std::string quoted(std::string_view text) { return "'" + shorten(text, 64) + "'"; }

Result<std::string> decode_part(const Json& part, const std::string& path) {
  if (!part.is_object()) return expected(path, "an object", part);
  const std::string type = TRY(within(path, json_field::required_string(part, "type")));
  if (type == "input_text" || type == "output_text" || type == "text") {
    return within(path, json_field::required_string(part, "text"));
  }
  if (type == "refusal") return within(path, json_field::required_string(part, "refusal"));
  return unsupported_field(path + ".type",
                           "parts of type " + quoted(type) + " cannot be read; send input_text");
}

// Parts are paragraphs of one text, so a line break keeps them apart.
Result<std::string> decode_text(const Json& content, const std::string& path) {
  if (content.is_string()) return content.as_string();
  if (!content.is_array()) return expected(path, "a string or a list of parts", content);
  if (content.size() > kPartsMax) {
    return field_error(path, "more than " + std::to_string(kPartsMax) + " parts");
  }
  std::vector<std::string> texts;
  for (size_t i = 0; i < content.size(); ++i) {
    texts.push_back(TRY(decode_part(content.items()[i], at_index(path, i))));
  }
  return join(texts, "\n");
}

Result<Role> decode_role(const Json& item, const std::string& path) {
  const std::string name = TRY(within(path, json_field::required_string(item, "role")));
  if (name == "user") return Role::user;
  if (name == "assistant") return Role::assistant;
  if (name == "system" || name == "developer") return Role::system;
  return field_error(path + ".role",
                     "unknown role " + quoted(name) + "; use user, assistant, system or developer");
}

Result<std::string> decode_call_id(const Json& item, const std::string& path) {
  std::string id = TRY(within(path, json_field::required_string(item, "call_id")));
  if (!id.empty() && id.size() <= kIdBytesMax) return id;
  return field_error(path + ".call_id", "must have 1 to " + std::to_string(kIdBytesMax) + " bytes");
}

Status decode_call(const Json& item, const std::string& path, Item& decoded) {
  decoded.kind = Item::Kind::function_call;
  decoded.call.id = TRY(decode_call_id(item, path));
  decoded.call.name = TRY(within(path, json_field::required_string(item, "name")));
  TRY(openai::check_called_name(decoded.call.name, path + ".name"));
  decoded.call.arguments = TRY(within(path, json_field::required_string(item, "arguments")));
  return ok();
}

Status decode_output(const Json& item, const std::string& path, Item& decoded) {
  decoded.kind = Item::Kind::function_call_output;
  decoded.call.id = TRY(decode_call_id(item, path));
  decoded.text = TRY(decode_text(item["output"], path + ".output"));
  return ok();
}

Result<Item> decode_item(const Json& item, const std::string& type, const std::string& path) {
  Item decoded;
  decoded.id = TRY(within(path, json_field::optional_string(item, "id"))).value_or("");
  if (decoded.id.size() > kIdBytesMax) {
    return field_error(path + ".id", "longer than " + std::to_string(kIdBytesMax) + " bytes");
  }
  if (type == "message") {
    decoded.role = TRY(decode_role(item, path));
    decoded.text = TRY(decode_text(item["content"], path + ".content"));
  } else if (type == "function_call") {
    TRY(decode_call(item, path, decoded));
  } else if (type == "function_call_output") {
    TRY(decode_output(item, path, decoded));
  } else {
    return unsupported_field(
        path + ".type",
        "items of type " + quoted(type) + "; send message, function_call or function_call_output");
  }
  return decoded;
}

std::string_view id_prefix(Item::Kind kind) {
  switch (kind) {
    case Item::Kind::function_call:
      return "fc";
    case Item::Kind::function_call_output:
      return "fco";
    case Item::Kind::message:
      break;
  }
  return "msg";
}

}  // namespace

Result<std::vector<Item>> decode_items(const Json& input, const std::string& path) {
  std::vector<Item> items;
  if (input.is_string()) {
    Item& message = items.emplace_back();
    message.text = input.as_string();
    return items;
  }
  if (!input.is_array()) return expected(path, "a text or a list of items", input);
  if (input.size() > kItemsMax) {
    return field_error(
        path, std::to_string(input.size()) + " items; at most " + std::to_string(kItemsMax));
  }
  for (size_t i = 0; i < input.size(); ++i) {
    const Json& item = input.items()[i];
    const std::string at = at_index(path, i);
    if (!item.is_object()) return expected(at, "an object", item);
    const std::string type =
        TRY(within(at, json_field::optional_string(item, "type"))).value_or("message");
    if (type == "reasoning") continue;
    items.push_back(TRY(decode_item(item, type, at)));
  }
  return items;
}

Json encode_item(const Item& item, std::string_view status) {
  Json encoded = Json::object({{"id", item.id}});
  switch (item.kind) {
    case Item::Kind::function_call:
      encoded.set("type", "function_call");
      encoded.set("status", status);
      encoded.set("call_id", item.call.id);
      encoded.set("name", item.call.name);
      encoded.set("arguments", item.call.arguments);
      return encoded;
    case Item::Kind::function_call_output:
      encoded.set("type", "function_call_output");
      encoded.set("status", status);
      encoded.set("call_id", item.call.id);
      encoded.set("output", item.text);
      return encoded;
    case Item::Kind::message:
      break;
  }
  Json part = Json::object({{"type", "input_text"}, {"text", item.text}});
  if (item.role == Role::assistant) {
    part = Json::object({{"type", "output_text"},
                         {"text", item.text},
                         {"annotations", Json::array()},
                         {"logprobs", Json::array()}});
  }
  encoded.set("type", "message");
  encoded.set("status", status);
  encoded.set("role", role_name(item.role));
  encoded.set("content", Json::array().push(std::move(part)));
  return encoded;
}

std::string item_id(std::string_view prefix, std::string_view response_id, char list,
                    size_t index) {
  const size_t at = response_id.find('_');
  const std::string_view own =
      at == std::string_view::npos ? response_id : response_id.substr(at + 1);
  return std::string(prefix) + "_" + std::string(own) + list + std::to_string(index);
}

void name_items(std::vector<Item>& items, std::string_view response_id) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].id.empty()) continue;
    items[i].id = item_id(id_prefix(items[i].kind), response_id, 'i', i);
  }
}

Result<std::vector<Message>> messages_of(const std::string& instructions,
                                         const std::vector<Item>& items) {
  std::vector<Message> messages;
  std::map<std::string, std::string> names;  // of the calls so far, by id
  const auto add = [&](Role role, std::string content) -> Message& {
    Message& message = messages.emplace_back();
    message.role = role;
    message.content = std::move(content);
    return message;
  };
  if (!instructions.empty()) add(Role::system, instructions);
  for (const Item& item : items) {
    if (item.kind == Item::Kind::message) {
      add(item.role, item.text);
    } else if (item.kind == Item::Kind::function_call) {
      const bool has_message = !messages.empty() && messages.back().role == Role::assistant;
      Message& caller = has_message ? messages.back() : add(Role::assistant, "");
      caller.tool_calls.push_back(item.call);
      names[item.call.id] = item.call.name;
    } else {
      const auto name = names.find(item.call.id);
      if (name == names.end()) {
        return field_error("input", "the output of call " + quoted(item.call.id) +
                                        " comes before any function_call of that call_id; send "
                                        "the call too, or its response as previous_response_id");
      }
      Message& output = add(Role::tool, item.text);
      output.tool_call_id = item.call.id;
      output.name = name->second;
    }
  }
  if (messages.size() <= limits::kMessagesMax) return messages;
  return field_error("input", "the conversation has " + std::to_string(messages.size()) +
                                  " messages; at most " + std::to_string(limits::kMessagesMax));
}

}  // namespace plinth::protocol::responses
