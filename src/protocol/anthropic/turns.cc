// SPDX-License-Identifier: Apache-2.0
// Blocks to messages: text and tool calls of one turn become one message, each tool result one of
// its own.
#include "protocol/anthropic/turns.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/limits.h"
#include "base/text.h"
#include "protocol/fields.h"

namespace plinth::protocol::anthropic {
namespace {

constexpr size_t kBlocksMax = 1024;  // of one message
constexpr size_t kIdBytesMax = 256;
constexpr size_t kToolNameMax = 128;
constexpr size_t kShownBytesMax = 64;  // of a foreign value repeated in an error

std::string quoted(std::string_view text) { return "'" + shorten(text, kShownBytesMax) + "'"; }

Error unsupported_block(const std::string& path, const std::string& type) {
  return unsupported_field(path + ".type",
                           "blocks of type " + quoted(type) + " cannot be read here; send text");
}

Result<std::string> decode_type(const Json& block, const std::string& path) {
  if (!block.is_object()) return expected(path, "an object", block);
  return within(path, json_field::required_string(block, "type"));
}

// A string or text blocks.
Result<std::string> decode_text(const Json& content, const std::string& path) {
  if (content.is_string()) return content.as_string();
  if (!content.is_array()) return expected(path, "a string or a list of text blocks", content);
  if (content.size() > kBlocksMax) {
    return field_error(path, "more than " + std::to_string(kBlocksMax) + " blocks");
  }
  std::vector<std::string> texts;
  for (size_t i = 0; i < content.size(); ++i) {
    const std::string place = at_index(path, i);
    const Json& block = content.items()[i];
    const std::string type = TRY(decode_type(block, place));
    if (type != "text") return unsupported_block(place, type);
    texts.push_back(TRY(within(place, json_field::required_string(block, "text"))));
  }
  return join(texts, "\n");
}

Result<std::string> decode_id(const Json& block, const std::string& path, const char* key) {
  std::string id = TRY(within(path, json_field::required_string(block, key)));
  if (!id.empty() && id.size() <= kIdBytesMax) return id;
  return field_error(path + "." + key, "must have 1 to " + std::to_string(kIdBytesMax) + " bytes");
}

void add_paragraph(std::string& text, const std::string& more) {
  if (!text.empty() && !more.empty()) text += "\n";
  text += more;
}

class TurnsDecoder {
 public:
  Status add_system(const Json& body) {
    const Json& system = body["system"];
    if (system.is_null()) return ok();
    std::string text = TRY(decode_text(system, "system"));
    if (!text.empty()) messages_.push_back(message_of(Role::system, std::move(text)));
    return ok();
  }

  Status add_turn(const Json& turn, const std::string& path) {
    if (!turn.is_object()) return expected(path, "an object", turn);
    const std::string role = TRY(within(path, json_field::required_string(turn, "role")));
    if (role != "user" && role != "assistant") {
      return field_error(path + ".role", "unknown role " + quoted(role) +
                                             "; use user or assistant, and `system` beside "
                                             "`messages` for a system prompt");
    }
    role_ = role == "user" ? Role::user : Role::assistant;
    const Json& content = turn["content"];
    const std::string place = path + ".content";
    if (content.is_string()) {
      add_text(content.as_string());
      return ok();
    }
    if (!content.is_array()) return expected(place, "a string or a list of blocks", content);
    if (content.size() == 0) return field_error(place, "the list of blocks is empty");
    if (content.size() > kBlocksMax) {
      return field_error(place, "more than " + std::to_string(kBlocksMax) + " blocks");
    }
    for (size_t i = 0; i < content.size(); ++i) {
      TRY(add_block(content.items()[i], at_index(place, i)));
    }
    return ok();
  }

  std::vector<Message> take() { return std::move(messages_); }

 private:
  Status add_block(const Json& block, const std::string& path) {
    const std::string type = TRY(decode_type(block, path));
    if (type == "text") {
      add_text(TRY(within(path, json_field::required_string(block, "text"))));
      return ok();
    }
    const bool is_assistant = role_ == Role::assistant;
    if (is_assistant && (type == "thinking" || type == "redacted_thinking")) return ok();
    if (is_assistant && type == "tool_use") return add_call(block, path);
    if (!is_assistant && type == "tool_result") return add_result(block, path);
    if (type == "tool_use" || type == "tool_result") {
      return field_error(path + ".type", quoted(type) + " does not belong into a turn of role " +
                                             std::string(role_name(role_)));
    }
    return unsupported_block(path, type);
  }

  // The message that text and calls of this turn go to.
  Message& turn() {
    if (messages_.empty() || messages_.back().role != role_)
      messages_.push_back(message_of(role_, {}));
    return messages_.back();
  }

  void add_text(const std::string& text) { add_paragraph(turn().content, text); }

  Status add_call(const Json& block, const std::string& path) {
    ToolCall call;
    call.id = TRY(decode_id(block, path, "id"));
    call.name = TRY(within(path, json_field::required_string(block, "name")));
    if (!is_tool_name(call.name)) {
      return field_error(path + ".name", quoted(call.name) + " is no name of a tool");
    }
    const Json& input = block["input"];
    if (!input.is_object()) return expected(path + ".input", "an object", input);
    call.arguments = input.dump();
    if (!names_.emplace(call.id, call.name).second) {
      return field_error(path + ".id", quoted(call.id) + " is the id of two tool calls");
    }
    turn().tool_calls.push_back(std::move(call));
    return ok();
  }

  // Results come before the text beside them, wherever they stand in the turn.
  Status add_result(const Json& block, const std::string& path) {
    Message result = message_of(Role::tool, {});
    result.tool_call_id = TRY(decode_id(block, path, "tool_use_id"));
    const auto name = names_.find(result.tool_call_id);
    if (name == names_.end()) {
      return field_error(path + ".tool_use_id",
                         "no tool_use block before it has the id " + quoted(result.tool_call_id));
    }
    result.name = name->second;
    const Json& content = block["content"];
    if (!content.is_null()) result.content = TRY(decode_text(content, path + ".content"));
    if (TRY(within(path, json_field::optional_bool(block, "is_error"))).value_or(false)) {
      result.content.insert(0, "error: ");
    }
    const bool has_text = !messages_.empty() && messages_.back().role == Role::user;
    messages_.insert(messages_.end() - (has_text ? 1 : 0), std::move(result));
    return ok();
  }

  std::vector<Message> messages_;
  std::map<std::string, std::string> names_;  // of tools, by the ids of their calls
  Role role_ = Role::user;                    // of the turn at hand
};

}  // namespace

bool is_tool_name(std::string_view name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= kToolNameMax &&
         std::all_of(name.begin(), name.end(), is_allowed);
}

Result<std::vector<Message>> decode_turns(const Json& body) {
  const Json& list = body["messages"];
  if (!list.is_array()) return expected("messages", "a list of messages", list);
  if (list.size() == 0) return field_error("messages", "the list is empty; send at least one");
  if (list.size() > limits::kMessagesMax) {
    return field_error("messages", std::to_string(list.size()) + " messages; at most " +
                                       std::to_string(limits::kMessagesMax) + " are read");
  }
  TurnsDecoder decoder;
  TRY(decoder.add_system(body));
  for (size_t i = 0; i < list.size(); ++i) {
    TRY(decoder.add_turn(list.items()[i], at_index("messages", i)));
  }
  std::vector<Message> messages = decoder.take();
  if (messages.empty() || messages.back().role == Role::system) {
    return field_error("messages", "there is nothing in them to answer");
  }
  return messages;
}

}  // namespace plinth::protocol::anthropic
