// SPDX-License-Identifier: Apache-2.0
// OpenAI's Responses API: decoding what clients send, encoding what they expect. A conversation is
// one flat list of items, in which a tool call and its output stand beside the messages. Pure.
// Decoders name the field at fault ("input[3].content[0].type").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/chat.h"
#include "protocol/reply_encoder.h"

namespace plinth::protocol::responses {

inline constexpr size_t kItemsMax = 1024;  // of one input, and of one conversation

struct Item {
  enum class Kind : uint8_t { message, function_call, function_call_output };
  Kind kind = Kind::message;
  std::string id;          // "msg_…"; may be empty
  Role role = Role::user;  // message: never tool
  std::string text;        // message, function_call_output
  ToolCall call;           // function_call; of an output only the call's id
};

// A text, which is one user message, or a list. Items of reasoning are left out: no model here
// reads them.
Result<std::vector<Item>> decode_items(const Json& input, const std::string& path);
Json encode_item(const Item& item, std::string_view status = "completed");

// Gives those without an id one made of the response's.
void name_items(std::vector<Item>& items, std::string_view response_id);
std::string item_id(std::string_view prefix, std::string_view response_id, char list, size_t index);

// The conversation as messages, after the instructions (empty: none). Calls that follow each other
// or an assistant's message are that message's. Errors: an output of a call that is not there.
Result<std::vector<Message>> messages_of(const std::string& instructions,
                                         const std::vector<Item>& items);

struct ResponseCall {
  ChatRequest request;       // without messages, which the conversation so far and `input` make
  std::string instructions;  // of this response alone
  std::vector<Item> input;   // may be empty only beside previous_id
  std::string previous_id;   // previous_response_id; empty: a new conversation
  bool is_stored = true;
  bool is_stream = false;
  Json settings = Json::object();  // the members of the request that a response repeats
};

// Fields that cannot be honoured (background, conversation, prompt, built-in tools, truncation) are
// refused by name; fields that are not known are ignored.
Result<ResponseCall> decode_response_call(const Json& body);

struct ResponseHead {
  std::string id;  // "resp_…"
  std::string model;
  int64_t created_unix_s = 0;
  Json settings = Json::object();  // of the call
  bool are_logprobs_wanted = false;
};

// Of one reply. A streamed response and a whole one come out of the same steps, so both have the
// same items.
class ResponseEncoder final : public ReplyEncoder {
 public:
  explicit ResponseEncoder(ResponseHead head) : head_(std::move(head)) {}

  std::vector<Frame> begin() override;
  std::vector<Frame> event(size_t choice, const ChatEvent& event) override;
  std::vector<Frame> end(const Usage& usage) override;
  std::vector<Frame> fail(const Error& error) override;
  Json whole(const std::vector<ChatReply>& replies) override;
  Json error(const Error& error) const override;

  // The response as it ended. reply: taken in first, unless its events were already.
  Json finished(const ChatReply& reply);
  // What the reply adds to the conversation. After finished().
  const std::vector<Item>& output() const { return output_; }

 private:
  struct OpenMessage {
    Item item;
    Json logprobs = Json::array();
  };

  void add_text(const ChatEvent& event, std::vector<Frame>& frames);
  void add_call(const ToolCall& call, std::vector<Frame>& frames);
  void open_message(std::vector<Frame>& frames);
  void close_message(std::string_view status, std::vector<Frame>& frames);
  void finish(const ChatEvent& event, std::vector<Frame>& frames);
  void keep(Item item, Json encoded, std::vector<Frame>& frames);
  Json response(std::string_view status) const;
  Json ended() const;
  Frame frame(std::string_view type, Json members);

  const ResponseHead head_;
  int64_t sequence_ = 0;
  std::optional<OpenMessage> open_;
  std::vector<Item> output_;
  Json::Array encoded_;  // output_, as it is shown
  std::optional<ChatEvent> end_;
};

// For GET: the list of items, and what became of one that was removed.
Json encode_item_list(const std::vector<Json>& items, bool has_more);
Json encode_removed(const std::string& id);

}  // namespace plinth::protocol::responses
